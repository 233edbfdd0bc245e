"""How wrong footfall and visitors are against the simulator's truth, by size: `python -m tests.benchmarks.accuracy`.

Without noise, the error is what phones leave unsaid (silence, cells near borders, carry-over); with noise, what a
client sees. Withholding is off, so that small numbers are in the tables too.
"""

import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks import settings
from tasks.count_context import count_context
from tasks.ingest import Ingest
from tasks.mobility.zones import ZonePlan
from tasks.period import Cadence, Period, day_hours
from tasks.privacy.noise import production_noise
from tasks.privacy.release_table import Z90
from tasks.products import footfall, visitors
from tasks.products.draw import counted
from tasks.products.spec import DataProduct
from tasks.release import ReleaseInputs
from tasks.simulate import SimulationPlan, simulate
from tasks.store import Stores, open_stores
from tests.publisher import publisher
from tests.true_stays import Places, score

DAY = date(2026, 3, 3)
SIZES = (1, 100, 300, 1_000, 3_000, 10_000, 1_000_000)
Floats = npt.NDArray[np.float64]


def truth_of(landing: Path, plan: ZonePlan, hours: Mapping[datetime, int]) -> Floats:
    """Counted persons by zone and hour, where they really were."""
    homes = pq.read_table(landing / "truth" / "homes.parquet")
    counted = homes.filter(homes["counted"])["subscriber_id"]
    presence = pq.read_table(landing / "truth" / "presence")
    here = presence.filter(pc.is_in(presence["subscriber_id"].cast(counted.type), value_set=counted.combine_chunks()))
    row = {zone: n for n, zone in enumerate(plan.zone_ids)}
    row |= {took: row[into] for took, into in plan.merged.items()}
    pairs = zip(here["zone_id"].cast("string").to_pylist(), here["hour_start"].to_pylist(), strict=True)
    persons = np.zeros((len(plan.zone_ids), len(hours)))
    for (zone, hour), count in Counter(pairs).items():
        if zone in row:
            persons[row[zone], hours[hour]] = count
    return persons


def true_visitors(landing: Path, true: Places, zones: int, least: int) -> tuple[Floats, Floats]:
    """Counted persons by zone in which they really stayed, and their stays by zone, today's and those from before."""
    counted = np.asarray(pq.read_table(landing / "truth" / "homes.parquet", columns=["counted"])["counted"])
    stays = true.only(counted[true.person] & (true.zone >= 0) & (true.end - true.start >= least))
    persons, visits = np.unique(stays.person * zones + stays.zone) % zones, 2 * stays.zone + (stays.start == 0)
    by_zone = np.bincount(persons, minlength=zones).astype(float)
    return by_zone, np.bincount(visits, minlength=2 * zones).astype(float).reshape(zones, 2)


def measured(stores: Stores, product: DataProduct) -> tuple[dict[str, tuple[Floats, Floats]], ZonePlan]:
    """Each level without noise, and with the production noise after consistency."""
    current, people = stores.catalog.current(DAY), stores.lake.eligible(Period.day(DAY)).table
    assert current is not None
    inputs = ReleaseInputs(current.zone_plan, {str(DAY): current.generation}, {})
    context = count_context(stores, product, Period.day(DAY), inputs, people)
    context = replace(context, rules={name: replace(rule, threshold=None) for name, rule in context.rules.items()})
    drawn = counted(product, context, production_noise())().table
    found = {}
    for sums in product.counts[0](context):
        noisy = drawn.filter(pc.equal(drawn["level"], sums.level))["value"].to_numpy()
        found[sums.level] = (sums.values / sums.unit, noisy.reshape(sums.values.shape))
    return found, context.zones


def table(of: str, truth: Floats, plain: Floats, noisy: Floats) -> str:
    """Bias, median and 95th percentile of the relative error, by size, as Markdown; `of`: what each number is of."""
    lines = [
        f"| {of} | numbers | bias | median error | 95th percentile | with noise: bias | median | 95th |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for low, high in itertools.pairwise(SIZES):
        inside = (truth >= low) & (truth < high)
        if inside.any():
            cells = [_errors(values[inside], truth[inside]) for values in (plain, noisy)]
            numbers = " | ".join(
                f"{100 * number:+.1f} %" if n % 3 == 0 else f"{100 * number:.1f} %"
                for cell in cells
                for n, number in enumerate(cell)
            )
            size = f"{low:,} to {high - 1:,}" if high < SIZES[-1] else f"{low:,} and more"
            lines.append(f"| {size} | {inside.sum()} | {numbers} |")
    return "\n".join(lines)


def _errors(values: Floats, truth: Floats) -> tuple[float, float, float]:
    relative = values / truth - 1
    return values.sum() / truth.sum() - 1, float(np.median(abs(relative))), float(np.percentile(abs(relative), 95))


def show_footfall(stores: Stores, landing: Path) -> None:
    """Persons by zone and hour, and the share seen at each hour."""
    levels, plan = measured(stores, footfall.PRODUCT)
    hours = {start: n for n, start in enumerate(day_hours(DAY, stores.policy.policy.time.local))}
    truth, (plain, noisy) = truth_of(landing, plan, hours), levels["zone_hour"]
    print(table("persons in the zone-hour", truth, plain, noisy))
    by_hour = " ".join(f"{hour:02d}h {100 * ratio:.0f} %" for hour, ratio in enumerate(plain.sum(0) / truth.sum(0)))
    print(f"\nSeen share of present persons by local hour: {by_hour}")


def show_visitors(stores: Stores, landing: Path) -> None:
    """Persons and visits by zone."""
    policy = stores.policy.policy
    (levels, plan), (_, true) = measured(stores, visitors.DAY), score(landing, DAY, policy)
    truths = true_visitors(landing, true, len(plan.zone_ids), 60 * policy.stay.min_dwell_minutes)
    rules = {rule.name: rule for rule in visitors.DAY.rules(policy, Cadence.DAY, 24)}
    for truth, (name, (plain, noisy)) in zip(truths, levels.items(), strict=True):
        print(f"\n{table(f'{name} of the day', truth, plain, noisy)}")
        sigma, threshold = float(rules[name].sigma), rules[name].threshold
        print(
            f"\n90 % intervals hold the count without noise in {100 * np.mean(abs(noisy - plain) < Z90 * sigma):.0f} %"
        )
        print(f"of all zones; {100 * np.mean(noisy < (threshold or 0)):.0f} % are below the threshold.")


def main(subscribers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        simulate(landing, SimulationPlan(subscribers, 1, DAY, seed=11, zones=60, opt_in=0.6))
        stores = open_stores(settings.Settings(home=Path(folder) / "home", landing=str(landing)))
        Ingest(stores, production_noise())(DAY)
        publisher(stores, production_noise())("footfall", str(DAY))
        show_footfall(stores, landing)
        show_visitors(stores, landing)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
