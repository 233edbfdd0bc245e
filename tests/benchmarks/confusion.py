"""How near the confusion matrix of public plans is to that of a simulated day: python -m tests.benchmarks.confusion.

The share of persons whose presence is assigned to each zone, by the zone in which they truly were in that hour.
"""

import resource
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from shapely.geometry import box

from tasks import policy_file
from tasks.mobility.cells import CellPlan
from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.evidence import plan_evidence
from tasks.mobility.plans import Plans
from tasks.mobility.radio import MODELS, PUBLISHED
from tasks.mobility.stay_confusion import stay_confusion
from tasks.mobility.tables import PRESENCE
from tasks.mobility.zones import ZonePlan
from tasks.simulate.plan import SimulationPlan
from tasks.simulate.run import simulate
from tests.simulated_day import SimulatedDay
from tests.true_stays import Score, score

DAY = date(2026, 3, 3)
POLICY = policy_file.load().policy
Floats = npt.NDArray[np.float64]


def persons(one: SimulatedDay) -> npt.NDArray[np.int64]:
    """[assigned zone + outside, true zone] persons and hours of the day, of those that are assigned somewhere."""
    zones, hours = len(one.plans.zones.zone_ids), 24
    true = pq.read_table(one.landing / "truth" / "presence" / f"date={one.day}")
    slot = one.persons(true["subscriber_id"]) * hours + np.asarray(true["hour"], np.int64)
    zone = one.zones(true["zone_id"])
    found = one.walked([PRESENCE])[PRESENCE]
    at = np.asarray(found["subscriber"], np.int64) * hours + np.asarray(found["hour"], np.int64)
    assigned = dict(zip(at.tolist(), np.asarray(found["zone"], np.int64).tolist(), strict=True))
    here = [
        (assigned[key], z) for key, z in zip(slot.tolist(), zone.tolist(), strict=True) if z >= 0 and key in assigned
    ]
    counts = np.zeros((zones + 1, zones), np.int64)
    np.add.at(counts, tuple(np.array(here).T), 1)
    return counts


def unfolded(matrix: Floats, assigned: Floats) -> Floats:
    """The least-squares solution: no noise, no regularisation."""
    return np.asarray(np.linalg.lstsq(matrix[:-1], assigned, rcond=None)[0])


def compare(landing: Path) -> Iterator[str]:
    """Markdown rows: each model against the truth."""
    one = SimulatedDay(landing, DAY, POLICY)
    counts = persons(one).astype(float)
    truth, total = counts / counts.sum(axis=0), counts.sum(axis=0)
    assigned = counts.sum(axis=1)[:-1]
    yield f"assigned as it is: mean absolute error of zones {np.mean(abs(assigned / total - 1)):.1%}"
    models = (*MODELS, PUBLISHED)
    made = confusion(Coverage(one.plans), models)
    for number, model in enumerate(models):
        matrix = made.matrix(number)
        diagonal = np.mean(abs(np.diagonal(matrix) - np.diagonal(truth)))
        right = np.mean(abs(unfolded(matrix, assigned) / total - 1))
        yield f"| {model} | {diagonal:.3f} | {abs(matrix - truth).sum(axis=0).mean() / 2:.3f} | {right:.1%} |"


def stays(landing: Path) -> Iterator[str]:
    """Markdown rows: matrices against that of found stays, by the true zones of those that they match."""
    found, one = score(landing, DAY, POLICY)[0], SimulatedDay(landing, DAY, POLICY)
    match = Score(found.true, found.found._replace(zone=np.zeros_like(found.found.zone))).match
    met = (match >= 0) & found.true.judged[match]
    zones = len(one.plans.zones.zone_ids)
    counts = np.zeros((zones + 1, zones))
    np.add.at(counts, (found.found.zone[met], found.true.zone[match[met]]), 1)
    truth, total, assigned = counts / counts.sum(axis=0), counts.sum(axis=0), counts.sum(axis=1)[:-1]
    yield f"stays as they are: {np.mean(abs(assigned / total - 1)):.1%}"
    events = confusion(Coverage(one.plans), MODELS[:1])
    of_stays = stay_confusion(Coverage(one.plans), one.cells.evidence, MODELS[:1])
    for name, matrix in (("of events", events.matrix()), ("of stays", of_stays.matrix())):
        diagonal = np.mean(abs(np.diagonal(matrix) - np.diagonal(truth)))
        right = np.mean(abs(unfolded(matrix, assigned) / total - 1))
        yield f"| {name} | {diagonal:.3f} | {abs(matrix - truth).sum(axis=0).mean() / 2:.3f} | {right:.1%} |"


def national(cells: int = 60_000, zones: int = 3_000) -> str:
    """CPU-seconds of a plan of a country's size: sites at random, zones as squares of 11 km."""
    side, rng = int(np.ceil(np.sqrt(zones))), np.random.default_rng(1)
    squares = [
        box(6 + 0.15 * x, 47 + 0.1 * y, 6.15 + 0.15 * x, 47.1 + 0.1 * y) for y in range(side) for x in range(side)
    ]
    shapes = tuple(squares[:zones])
    ids = tuple(f"Z{n:04d}" for n in range(zones))
    plan = ZonePlan(ids, ids, np.zeros(zones, np.int32), ("d",), ("d",), shapes, (None,) * zones, {})
    site = rng.random((cells // 3, 2)) * [0.15 * side, 0.1 * zones / side]
    longitude, latitude = (np.repeat(axis, 3) for axis in (6 + site[:, 0], 47 + site[:, 1]))
    zone = (np.floor((latitude - 47) / 0.1) * side + np.floor((longitude - 6) / 0.15)).astype(np.int32)
    radio: Any = np.full((cells, 6), np.nan)
    radio[:, 0] = np.tile([0.0, 120.0, 240.0], cells // 3)
    whole, names = np.full(cells, 86_400, np.int32), np.array([str(n) for n in range(cells)], object)
    found = CellPlan(names, latitude, longitude, 0 * whole, whole, np.minimum(zone, zones - 1), radio, names[:0])
    coverage = Coverage(Plans(plan, found, ()))
    start = time.process_time()
    of_events = confusion(coverage)
    events = time.process_time() - start
    table = stay_confusion(coverage, plan_evidence(coverage.plans, of_events.served)).table(plan)
    return (
        f"{cells:,} cells, {zones:,} zones: {events:.1f} CPU-s, {len(of_events.share):,} shares; "
        f"of stays {time.process_time() - start - events:.1f} CPU-s, {len(table):,} shares; "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB"
    )


def main() -> None:
    """Print all tables."""
    print("| model | mean difference of diagonals | of columns (total variation) | error after unfolding |")
    print("|---|---:|---:|---:|")
    for zones, seed in ((14, 3), (60, 4)):
        with TemporaryDirectory() as folder:
            simulate(Path(folder), SimulationPlan(20_000, 1, DAY, seed, zones))
            print("\n".join([*compare(Path(folder)), *stays(Path(folder))]))
    print(national())


if __name__ == "__main__":
    main()
