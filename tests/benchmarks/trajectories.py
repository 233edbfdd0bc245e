"""How much of persons' days comes back from counts by zone and hour: `python -m tests.benchmarks.trajectories`.

The attack of F. Xu et al. (Trajectory Recovery From Ash, WWW 2017): each person counted in an hour is joined to one
of the hour before, so that all together move as little as possible. By day they let persons go on as they went; here
that recovers less.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from scipy.optimize import linear_sum_assignment

from tasks import policy_file
from tasks.mobility.tables import PRESENCE
from tasks.period import Period
from tasks.privacy.noise import production_noise
from tasks.products.draw import counted
from tasks.products.footfall import PRODUCT, ZONE_HOUR
from tasks.simulate import SimulationPlan, simulate
from tests.simulated_day import SimulatedDay
from tests.unit.products.counting import context

DAY = date(2026, 3, 3)
HOURS, ZONES, SEEDS = 24, 14, (1, 2, 3)
FEWEST = 15
"""Counts below this are left out by a rule that other publishers use."""
POLICY = policy_file.load().policy
Numbers = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]
"""[person, hour] zone; one more than the zones: not heard."""
Hits = npt.NDArray[np.bool_]


def true_days(one: SimulatedDay) -> Days:
    """What is counted of each person that is heard on the day."""
    rows = one.walked([PRESENCE])[PRESENCE]
    who, person = np.unique(np.asarray(rows["subscriber"]), return_inverse=True)
    days = np.full((len(who), HOURS), len(one.plans.zones.zone_ids))
    days[person, np.asarray(rows["hour"])] = np.asarray(rows["zone"])
    return days


def raw(days: Days, zones: int) -> Numbers:
    """[zone, hour] exact counts."""
    return np.stack([np.bincount(hour, minlength=zones + 1)[:zones] for hour in days.T], axis=1).astype(np.float64)


def released(days: Days, one: SimulatedDay) -> tuple[Numbers, Numbers]:
    """[zone, hour] persons of a release under the shipped policy: as delivered, and with what is withheld as small."""
    person, hour = np.nonzero(days < len(one.plans.zones.zone_ids))
    columns = {"pseudonym": person.astype(np.uint64), "hour": hour.astype(np.int8), "zone": days[person, hour]}
    everybody = {each: (each % 6, each % 3) for each in range(len(days))}
    made = context(PRODUCT, Period.day(DAY), everybody, {PRESENCE.name: [pa.table(columns)]}, POLICY)
    covered = np.ones((len(one.plans.zones.zone_ids), HOURS), np.bool_)
    made = replace(made, zones=one.plans.zones, covered=lambda day: covered)
    table = counted(PRODUCT, made, production_noise())().table
    rows = table.filter(pc.equal(table["level"], ZONE_HOUR.name))
    noisy = rows["value"].to_numpy().reshape(-1, HOURS)
    return np.where(np.array(rows["status"]).reshape(noisy.shape) == "estimate", noisy, 0.0), noisy


def places(counts: Numbers, persons: int) -> Days:
    """[hour, person] zones of each hour in order: counts made whole, at most as many as there are persons."""
    whole = np.rint(np.maximum(counts, 0) * np.minimum(1, persons / np.maximum(counts.sum(axis=0), 1))).astype(int)
    slots = [np.repeat(np.arange(len(counts)), hour) for hour in whole.T]
    return np.stack([np.append(hour, np.full(persons, len(counts)))[:persons] for hour in slots])


def recovered(counts: Numbers, persons: int, centre: Numbers) -> Days:
    """The days of all persons that move least together, hour by hour."""
    hours = places(counts, persons)
    known = np.vstack([centre, centre.mean(axis=0)])  # who is not heard may be anywhere
    days = hours[:1].T
    for hour in hours[1:]:
        far = np.linalg.norm(known[days[:, -1]][:, None] - known[hour][None], axis=2)
        _, joined = linear_sum_assignment(far)
        days = np.column_stack([days, hour[joined]])
    return days


def right(found: Days, days: Days, zones: int) -> Hits:
    """[person, hour] what is right, if each found day is compared with the person that it fits best."""
    heard = days < zones
    hits = sum((found[:, None, hour] == days[None, :, hour]) & heard[None, :, hour] for hour in range(HOURS))
    whose, person = linear_sum_assignment(-np.asarray(hits))
    same: Hits = found[whose[np.argsort(person)]] == days
    return same & heard


def figures(of: Hits, days: Days, zones: int) -> list[float]:
    """Shares that are right: of heard hours; of those of persons who moved; and of these whole days."""
    heard = days < zones
    moved = np.array([len(np.unique(day[day < zones])) > 1 for day in days])
    whole = (of == heard).all(axis=1)
    return [of[heard].mean(), of[moved][heard[moved]].mean(), whole[moved].mean()]


def attacks(size: int, seed: int) -> Iterator[tuple[str, list[float]]]:
    """What the attacker knows, and what is right of what it gives."""
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        simulate(landing, SimulationPlan(size, 1, DAY, seed=seed, zones=ZONES, dirty=0))
        one = SimulatedDay(landing, DAY, POLICY)
        days, shapes = true_days(one), np.array(one.plans.zones.geometries)
        zones, centre = len(shapes), shapely.get_coordinates(shapely.centroid(shapes))
        centre = (centre - centre.mean(axis=0)) * [np.cos(np.radians(centre[:, 1].mean())), 1]
        exact, (shown, noisy) = raw(days, zones), released(days, one)
    known = {
        "exact counts": exact,
        f"exact counts of {FEWEST} and more": np.where(exact < FEWEST, 0, exact),
        "counts as delivered": shown,
        "the same, with what is withheld": noisy,
        "each zone's mean of the day": np.repeat(exact.mean(axis=1, keepdims=True), HOURS, axis=1),
    }
    for name, counts in known.items():
        yield name, figures(right(recovered(counts, len(days), centre), days, zones), days, zones)


def main(sizes: list[int]) -> None:
    print("| what the attacker knows | subscribers | hours right | of persons who moved | whole days right |")
    print("|---|---:|---:|---:|---:|")
    for size in sizes:
        found: dict[str, list[list[float]]] = {}
        for seed in SEEDS:
            for name, each in attacks(size, seed):
                found.setdefault(name, []).append(each)
        for name, shares in found.items():
            said = " | ".join(f"{100 * share:.1f} %" for share in np.mean(shares, axis=0))
            print(f"| {name} | {size:,} | {said} |")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [200, 2_000])
