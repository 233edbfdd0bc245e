"""A snapshot of catalog, ledger and landing for one plan, and what its steps cost by experience."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from tasks.errors import INTERRUPTED, RejectedInput, StorageUnavailable
from tasks.events.formats import load_formats
from tasks.events.landing import DayLanding, find_day
from tasks.period import Cadence, Period
from tasks.privacy.accounting import cap_units, rho_of
from tasks.products import registry
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.products.spec import Product
from tasks.refs import Listing
from tasks.release import budgets, privacy_cost
from tasks.store import PlanningStores
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import DayGeneration, DayState, Delivery, Release, Run

LATEST = 20
FIRST_GUESS = {"ingest": 10.0, "publish": 5.0, "deliver": 3.0}
"""Seconds of a verb before its first run."""


@dataclass(frozen=True)
class Rates:
    """Measured rates: event rows per byte of landing, and each verb's usual seconds and bytes."""

    rows_per_byte: float | None
    usual: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, days: Iterable[tuple[int, int]], runs: Iterable[Run]) -> "Rates":
        """Build from the latest days (rows, bytes) and the latest run of each verb on each subject."""
        latest = [(rows, size) for rows, size in days if rows and size][-LATEST:]  # a day may end before it is read
        size = sum(size for _, size in latest)
        done = [run for run in runs if run.ended and run.exit_code == 0 and not idle(run)]
        by_verb = {verb: [run for run in done if run.verb == verb][-LATEST:] for verb in FIRST_GUESS}
        usual = {verb: _usual(runs) for verb, runs in by_verb.items() if runs}
        return cls(sum(rows for rows, _ in latest) / size if size else None, usual)

    def rows(self, size: int) -> int | None:
        """Event rows in this number of bytes; None before the first day."""
        return round(size * self.rows_per_byte) if self.rows_per_byte else None

    def seconds(self, verb: str, size: int = 0) -> float:
        """Expected seconds of a step: the median of earlier ones, scaled up for a larger landing."""
        usual, usual_size = self.usual.get(verb, (FIRST_GUESS[verb], 0.0))
        return round(usual * max(1.0, size / usual_size if usual_size else 1.0), 1)


def idle(run: Run) -> bool:
    """Whether the run found nothing to do, and so measures no work."""
    return (run.outcome or "").startswith(("Already", "Awaiting"))


def _usual(runs: list[Run]) -> tuple[float, float]:
    seconds = median((run.ended - run.started).total_seconds() for run in runs if run.ended)
    sizes = [run.bytes_read for run in runs if run.bytes_read]
    return seconds, median(sizes) if sizes else 0.0


@dataclass(frozen=True)
class CatalogSnapshot:
    """Catalog, ledger and landing at one moment."""

    stores: PlanningStores
    now: datetime
    generations: Mapping[date, list[DayGeneration]]
    listings: Mapping[tuple[date, int], Listing]
    releases: Mapping[tuple[str, str], list[Release]]
    deliveries: Mapping[tuple[str, str, str], Delivery]
    runs: Mapping[tuple[str, str], Run]
    clients: tuple[ClientSpec, ...]
    rates: Rates
    left: dict[str, int]
    """Ledger units left per month; a plan subtracts what it will spend."""
    expired: frozenset[str]
    """Periods that can no longer be ingested or drawn."""

    @property
    def today(self) -> date:
        """The network's local date."""
        return self.now.astimezone(self.stores.policy.policy.time.local).date()

    def current(self, day: date) -> DayGeneration | None:
        """The generation that counts."""
        return next((row for row in self.generations.get(day, ()) if row.state is DayState.CURRENT), None)

    def tried(self, day: date) -> DayGeneration | None:
        """The latest generation, if it did not come to count: the gate stopped it, or it was not finished."""
        latest = next(reversed(self.generations.get(day, [])), None)
        return latest if latest and latest.state in (DayState.REJECTED, DayState.CANDIDATE) else None

    def listing(self, row: DayGeneration) -> Listing:
        """The files that a generation was made from."""
        return self.listings.get((row.day, row.generation), {})

    def release(self, product: Product, period: Period) -> Release | None:
        """The latest release, finished or not."""
        return next(reversed(self.releases.get((product.name, str(period)), [])), None)

    def failed(self, verb: str, subject: str) -> Run | None:
        """The latest run of a verb on a subject if it failed; stopped and killed runs do not count."""
        run = self.runs.get((verb, subject))
        return run if run and run.exit_code not in (None, 0, INTERRUPTED) else None

    def flow_run_id(self, verb: str, subject: str) -> str | None:
        """The page of the latest run of a verb on a subject."""
        run = self.runs.get((verb, subject))
        return run.flow_run_id if run else None

    def granted(self, product: Product, period: Period) -> list[ClientSpec]:
        """Clients with a grant for the product and period."""
        return [spec for spec in self.clients if spec.grant(product.name, period)]

    def said(self, run: Run | None, otherwise: str) -> str:
        """The message of a failed run."""
        return (run.message or f"It ended with {run.outcome}.") if run else otherwise

    def drawn_from(self, day: date) -> bool:
        """Whether a release other than a gate profile was drawn or charged from this day."""
        periods = {str(Period.holding(cadence, day)) for cadence in Cadence}
        rows = [row for (name, period), found in self.releases.items() if period in periods for row in found]
        return any(str(day) in row.generations for row in rows if row.product != GATE_PROFILE.name)

    def cost(self, product: Product, period: Period) -> float:
        """rho that a release of the period charges to each month."""
        return float(privacy_cost(product, period, self.stores.policy.policy).exact)

    def spend(self, product: Product, period: Period) -> str:
        """Reserve the release's charge in this plan; returns the reason if a month's budget is too small."""
        asked, cap = (
            privacy_cost(product, period, self.stores.policy.policy).units,
            self.stores.policy.policy.budget.cap,
        )
        for month in period.months:
            if self.left.setdefault(month, cap_units(cap)) < asked:
                return f"It would charge rho {rho_of(asked):.4f}; {month} has {rho_of(self.left[month]):.4f} left."
        for month in period.months:
            self.left[month] -= asked
        return ""

    def landing(self, day: date) -> DayLanding | RejectedInput | StorageUnavailable:
        """The day's current landing, or its fault."""
        try:
            settings = self.stores.settings
            formats = load_formats(settings.mapping)
            return find_day(settings.landing_root, day, self.stores.policy.policy.time, self.now, formats)
        except (RejectedInput, StorageUnavailable) as fault:
            return fault.with_traceback(None)  # else what asked, and all it has open, would live as long as the answer


def read_snapshot(stores: PlanningStores, now: datetime) -> CatalogSnapshot:
    """Read catalog and ledger in a fixed number of queries."""
    generations: dict[date, list[DayGeneration]] = defaultdict(list)
    for row in stores.catalog.generations():
        generations[row.day].append(row)
    releases: dict[tuple[str, str], list[Release]] = defaultdict(list)
    for release in stores.ledger.releases():
        if _of_today(release):
            releases[release.product, release.period].append(release)
    days = sorted(generations) or [now.date()]
    listings, runs = stores.catalog.listings(days[0], days[-1]), stores.catalog.last_runs()
    latest = [rows[-1] for _, rows in sorted(generations.items())]
    sizes = [
        (row.rows_in, sum(size for size, _ in listings.get((row.day, row.generation), {}).values())) for row in latest
    ]
    return CatalogSnapshot(
        stores=stores,
        now=now,
        generations=generations,
        listings=listings,
        releases=releases,
        deliveries={(r.client, r.product, r.period): r for r in stores.catalog.deliveries() if _of_today(r)},
        runs=runs,
        clients=tuple(ClientSpec.stored(row.spec) for row in stores.catalog.active_clients()),
        rates=Rates.of(sizes, sorted(runs.values(), key=lambda run: run.id)),
        left={month.month: month.left for month in budgets(stores)},
        expired=frozenset(stores.catalog.expired_periods()),
    )


def _of_today(row: Release | Delivery) -> bool:
    """Whether the release has the product's current version."""
    return registry.version_of(row.product) in (None, row.version)
