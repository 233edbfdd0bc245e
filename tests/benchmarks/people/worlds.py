"""Cities of the table, and what is kept of each: releases, true answers, public facts. The rest is simulated once."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product as combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks import policy_file
from tasks.period import Cadence, Period
from tasks.products import registry
from tasks.products.detection import PRODUCT as DETECTION
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.spec import Product
from tasks.simulate import SimulationPlan
from tests.benchmarks.accuracy.city import City
from tests.benchmarks.accuracy.draws import Draws
from tests.true_answers import COMPOSITION

ROOT = Path(__file__).parents[3]
DAY, MONTH = date(2026, 3, 3), date(2026, 3, 1)
SEED = 2_000
"""The first seed; lower ones served to develop the estimator."""
PANEL_SIGMA = 10
"""Noise of a panel counted from the register."""
OF_A_DAY, OF_A_MONTH = ("footfall", "visitors", "origin_destination", "dwell"), ("visitors", "catchment", "loyalty")
USUAL_RATE = 115.0
TRUTHS = ("panel", "people")
NOISES = ("none", "strict")


@dataclass(frozen=True)
class World:
    """One city. Opt-in is 60 % in the mean."""

    subscribers: int
    zones: int
    biased: bool
    radio: str
    seed: int
    days: int = 1
    rate: float = USUAL_RATE
    """The median of events a phone and day."""

    @property
    def name(self) -> str:
        """A folder's name."""
        of = "biased" if self.biased else "flat"
        rate = "" if self.rate == USUAL_RATE else f"-{self.rate:g}"
        return f"{self.subscribers}x{self.zones}x{self.days}-{of}-{self.radio}-{self.seed}{rate}"

    @property
    def plan(self) -> SimulationPlan:
        """Closed, and with a census."""
        return SimulationPlan(
            self.subscribers,
            self.days,
            DAY if self.days == 1 else MONTH,
            SEED + self.seed,
            zones=self.zones,
            rate=self.rate,
            opt_in_bias=float(self.biased),
            closed=True,
            radio=self.radio,
            census=True,
        )

    @property
    def products(self) -> list[Product]:
        """What is compared."""
        cadence = Cadence.DAY if self.days == 1 else Cadence.MONTH
        return [registry.product(name, cadence) for name in (OF_A_DAY if self.days == 1 else OF_A_MONTH)]


def worlds(
    seeds: range, subscribers: list[int], zones: list[int], days: int, rates: Sequence[float] = (USUAL_RATE,)
) -> Iterator[World]:
    """Every combination."""
    radios, opt_in = ("usual", "wide"), (False, True)
    for seed, size, count, radio, biased, rate in combinations(seeds, subscribers, zones, radios, opt_in, rates):
        yield World(size, count, biased, radio, seed, days, rate)


@dataclass(frozen=True)
class Kept:
    """What is kept of a city."""

    world: World
    folder: Path

    def release(self, product: str, noise: str) -> pa.Table:
        """A release's table; without noise, its standard errors are still those of the noise."""
        return pq.read_table(self.folder / f"release-{product}-{noise}.parquet")

    def truth(self, product: str, of: str) -> dict[str, pa.Table]:
        """The true answers by level, of the `panel` or of `people`."""
        found = self.folder.glob(f"truth-{product}-{of}-*.parquet")
        return {path.stem.rsplit("-", 1)[1]: pq.read_table(path) for path in found}

    def table(self, name: str) -> pa.Table:
        """`confusion`, `panel`, or who was where: `strata-panel`, `homes-people` and so on."""
        return pq.read_table(self.folder / f"{name}.parquet")

    @property
    def period(self) -> Period:
        """The period of the releases."""
        return Period.holding(Cadence.DAY if self.world.days == 1 else Cadence.MONTH, self.world.plan.start)

    @property
    def day(self) -> Period:
        """The day of the footfall that people are estimated from: of a month, the middle one."""
        return Period.holding(Cadence.DAY, self.period.days[len(self.period.days) // 2])


def kept(world: World, folder: Path) -> Kept:
    """Simulate, ingest and draw, unless that was done before."""
    made = Kept(world, folder / world.name)
    if not (made.folder / "done").exists():
        shutil.rmtree(made.folder, ignore_errors=True)
        _make(made, City(made.folder / "city", world.plan))
        shutil.rmtree(made.folder / "city")
        (made.folder / "done").touch()
    return made


def _make(made: Kept, city: City) -> None:
    city.build()
    policy = policy_file.load(ROOT / "policy.toml").policy
    draws, truths = Draws(city, policy), (city.truth, replace(city.truth, folder="truth/census"))
    for product in made.world.products:
        _draw(made, draws, product, made.period)
        for of, truth in zip(TRUTHS, truths, strict=True):
            for level, answer in truth.answers(product.part, made.period.first, made.period.days[-1]).items():
                pq.write_table(answer, made.folder / f"truth-{product.name}-{of}-{level}.parquet")
    _draw(made, draws, DETECTION if made.world.days == 1 else FOOTFALL, made.day)
    for of, truth in zip(TRUTHS, truths, strict=True):
        for name, found in truth.asked(COMPOSITION, made.period.first, made.period.first).items():
            pq.write_table(found, made.folder / f"{name}-{of}.parquet")
    _keep_facts(made, city)


def _draw(made: Kept, draws: Draws, product: Product, period: Period) -> None:
    pair = draws.release(product, period)
    for noise, table in zip(NOISES, (pair.plain, pair.noisy), strict=True):
        pq.write_table(table, made.folder / f"release-{product.name}-{noise}.parquet")


def _keep_facts(made: Kept, city: City) -> None:
    """Zone plan, confusion matrix, census, and a panel counted from the register with noise."""
    current, lake = city.stores.catalog.current(made.world.plan.start), city.stores.lake
    assert current
    (made.folder / "zones.geojson").write_bytes(lake.plan(current.zone_plan))
    shutil.copy(city.landing / "population.csv", made.folder)
    confusion = lake.confusion(current.zone_plan, current.cell_plan)
    assert confusion
    pq.write_table(confusion, made.folder / "confusion.parquet")
    stays = lake.stay_confusion(current.zone_plan, current.cell_plan)
    assert stays
    pq.write_table(stays, made.folder / "stay_confusion.parquet")
    panel = _members(made) if made.world.days == 1 else _answer(city, made)
    noise = np.round(np.random.default_rng(made.world.plan.seed).normal(0, PANEL_SIGMA, len(panel)))
    noisy = panel.set_column(
        panel.schema.get_field_index("value"), "value", pa.array(np.asarray(panel["value"]) + noise)
    )
    pq.write_table(
        noisy.append_column("se", pa.array(np.full(len(panel), float(PANEL_SIGMA)))), made.folder / "panel.parquet"
    )


def _answer(city: City, made: Kept) -> pa.Table:
    return city.truth.answers("panel.month", made.period.first, made.period.days[-1])["district_demographic"]


def _members(made: Kept) -> pa.Table:
    """Who counted on the day: the register of the month holds also those who opted in later."""
    there = made.table("strata-panel").rename_columns({"home_district_id": "district_id"})
    hour = there.filter(pc.equal(there["hour_start"], pc.min(there["hour_start"])))
    found = hour.group_by(["district_id", "age_band", "gender"]).aggregate([("value", "sum")])
    return found.rename_columns({"value_sum": "value"})
