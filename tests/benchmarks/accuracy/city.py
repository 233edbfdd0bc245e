"""A simulated city in a lake: its days are ingested once, and every product is counted from them."""

import resource
import sys
import time
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path

from tasks import settings
from tasks.count_context import count_context
from tasks.ingest import Ingest
from tasks.mobility.zones import ZonePlan, stored_plan
from tasks.period import Cadence, Period
from tasks.privacy.noise import production_noise
from tasks.products.spec import CountContext, DataProduct
from tasks.refresh import Refresh
from tasks.release import ReleaseInputs
from tasks.simulate import SimulationPlan, simulate
from tasks.store import Stores, open_stores
from tests.true_answers import Truth

FIRST = date(2026, 3, 1)
WEEK = Period.parse("2026-W10")
"""Its seven days are those on which products of a day are compared."""


@dataclass(frozen=True)
class City:
    """Landing and lake in a folder; what is there already is used."""

    folder: Path
    plan: SimulationPlan

    @property
    def landing(self) -> Path:
        """Events, registers and truth."""
        return self.folder / "landing"

    @cached_property
    def stores(self) -> Stores:
        """The stores of the home beside the landing."""
        return open_stores(settings.Settings(home=self.folder / "home", landing=str(self.landing)))

    def build(self) -> None:
        """Simulate and ingest every day."""
        if not self.landing.exists():
            report(f"simulate {self.plan.subscribers:,} subscribers, {self.plan.days} days")
            simulate(self.landing, self.plan)
        for day in self.plan.calendar:
            report(f"ingest {day}")
            Ingest(self.stores, production_noise())(day)

    def periods(self, cadence: Cadence) -> list[Period]:
        """The periods that are compared: those whose days are all simulated, of days one week's."""
        days = WEEK.days if cadence is Cadence.DAY else self.plan.calendar
        found = sorted({Period.holding(cadence, day) for day in days})
        return [each for each in found if set(each.days) <= set(self.plan.calendar)]

    @cached_property
    def zones(self) -> ZonePlan:
        """The merged zone plan."""
        current = self.stores.catalog.current(self.plan.start)
        assert current is not None
        return stored_plan(self.stores.lake.plan(current.zone_plan))

    def context(self, product: DataProduct, period: Period) -> CountContext:
        """What a product counts from."""
        days = self.stores.catalog.days(period.first, period.days[-1])
        inputs = ReleaseInputs(days[0].zone_plan, {str(day.day): day.generation for day in days}, {})
        _refresh(self, period)
        return count_context(self.stores, product, period, inputs, self.stores.lake.eligible(period).table)

    @cached_property
    def truth(self) -> Truth:
        """The true answers."""
        policy = self.stores.policy.policy
        return Truth(self.landing, self.zones.merged, policy.time.timezone, policy.stay.min_dwell_minutes)


def report(doing: str) -> None:
    """Say on stderr what begins, after how long, and the peak of memory until then."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{time.process_time():7,.0f} CPU-s, {peak:4.1f} GiB  {doing}", file=sys.stderr, flush=True)


@cache
def _refresh(city: City, period: Period) -> None:
    Refresh(city.stores).refresh(period)


def city_of(size: str, folder: Path) -> City:
    """A city of `SUBSCRIBERSxDAYS`."""
    subscribers, _, days = size.partition("x")
    plan = SimulationPlan(int(subscribers), int(days or 31), FIRST, seed=11, zones=60, opt_in=0.6)
    return City(folder / size, plan)
