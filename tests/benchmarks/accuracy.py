"""How wrong footfall is against the simulator's truth, by size of zone-hour: `python -m tests.benchmarks.accuracy`.

Without noise, the error is what phones leave unsaid (silence, cells near borders, carry-over); with noise, what a
client sees. Withholding is off, so that small zone-hours are in the table too.
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
from tasks.period import Period, day_hours
from tasks.privacy.noise import production_noise
from tasks.products import footfall
from tasks.products.draw import counted
from tasks.release import ReleaseInputs
from tasks.simulate import SimulationPlan, simulate
from tasks.store import Stores, open_stores
from tests.publisher import publisher

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


def measured(stores: Stores) -> tuple[Floats, Floats, ZonePlan]:
    """Zone x hour without noise, and with the production noise after consistency."""
    current, people = stores.catalog.current(DAY), stores.lake.eligible(Period.day(DAY)).table
    assert current is not None
    inputs = ReleaseInputs(current.zone_plan, {str(DAY): current.generation}, {})
    context = count_context(stores, footfall.PRODUCT, Period.day(DAY), inputs, people)
    context = replace(context, rules={name: replace(rule, threshold=None) for name, rule in context.rules.items()})
    drawn = counted(footfall.PRODUCT, context, production_noise())().table
    noisy = drawn.filter(pc.equal(drawn["level"], "zone_hour"))["value"].to_numpy()
    (counts, _) = footfall.PRODUCT.counts[0](context)
    return counts.values.astype(float), noisy.reshape(counts.values.shape), context.zones


def table(truth: Floats, plain: Floats, noisy: Floats) -> str:
    """Bias, median and 95th percentile of the relative error, by size of zone-hour, as Markdown."""
    lines = [
        "| persons in the zone-hour | zone-hours | bias | median error | 95th percentile "
        "| with noise: bias | median | 95th |",
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


def main(subscribers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "landing"
        simulate(landing, SimulationPlan(subscribers, 1, DAY, seed=11, zones=60, opt_in=0.6))
        stores = open_stores(settings.Settings(home=Path(folder) / "home", landing=str(landing)))
        Ingest(stores, production_noise())(DAY)
        publisher(stores, production_noise())("footfall", str(DAY))
        plain, noisy, plan = measured(stores)
        hours = {start: n for n, start in enumerate(day_hours(DAY, stores.policy.policy.time.local))}
        truth = truth_of(landing, plan, hours)
    print(table(truth, plain, noisy))
    by_hour = " ".join(f"{hour:02d}h {100 * ratio:.0f} %" for hour, ratio in enumerate(plain.sum(0) / truth.sum(0)))
    print(f"\nSeen share of present persons by local hour: {by_hour}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
