"""Drawn once: reserve row and charge, say so, draw into staging, record the digest, publish by digest.

Killed at any line, the next call goes on from what is durable; noise is drawn again only if no complete bytes rest in
staging, under the same charge, counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tasks.errors import RefusedRelease, StorageUnavailable
from tasks.events.profile import Profile
from tasks.period import Period, clock, day_start
from tasks.policy import Policy
from tasks.privacy.accounting import Charge, cap_units, charge
from tasks.privacy.bounds import LevelRule, defect
from tasks.privacy.derived import DerivedCounts
from tasks.privacy.protect import ProtectedCounts
from tasks.products import registry
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.products.spec import Product
from tasks.store import Stores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey, ReservationFacts
from tasks.store.tables import DayGeneration, MonthBudget, Release, ReleaseState

MOST_DRAWS = 3
"""Draws under one charge: each one that is lost shows nothing, but what ends them again and again must be found."""
SLOW_CLOCK = timedelta(hours=2)
"""How far the clock may be behind the newest audit entry: machines that share a database differ by less."""
PROFILES_A_DAY = 3
"""A changed landing draws the gate's profile again, from the month's reserve, so often and no more."""
Draw = Callable[[], ProtectedCounts | DerivedCounts]
"""Adds noise to what was counted, or derives; nothing else is left to be done."""


@dataclass(frozen=True)
class PendingDraw:
    """A draw that is ready, and digests of what was read for it, where that may have changed since the reservation."""

    draw: Draw
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseInputs:
    """What a release is drawn from: the days it reads, the plan it counts in, and digests to tell when it is stale."""

    zone_plan: str
    generations: Mapping[str, int]
    digests: Mapping[str, str] = field(default_factory=dict)


def scheduled_at(period: Period, policy: Policy) -> datetime:
    """When the schedule publishes a period: its local end plus `close_after`; says nothing about the data."""
    return (day_start(period.end, policy.time.local) + timedelta(hours=policy.time.close_after)).astimezone(UTC)


def key_ends(period: Period, days: Iterable[DayGeneration], policy: Policy) -> datetime:
    """When a period's key may be destroyed: counted from the later of its end and the last ingest of its days."""
    over = day_start(period.end, policy.time.local)
    return max([over, *(day.ingested_at for day in days if day.ingested_at)]) + timedelta(
        days=policy.retention.keys_days
    )


def rules_of(product: Product, period: Period, policy: Policy) -> tuple[LevelRule, ...]:
    """The rule of each level that a release of the period is charged and drawn by."""
    length = day_start(period.end, policy.time.local) - day_start(period.first, policy.time.local)
    return product.rules(policy, period.cadence, round(length / timedelta(hours=1)))


def privacy_cost(product: Product, period: Period, policy: Policy) -> Charge:
    """What one release of the product charges to each month that the period touches."""
    return charge(rules_of(product, period, policy), len(period.months))


def budgets(stores: Stores) -> list[MonthBudget]:
    """Every month that was ever charged, ascending, as its next charge would find it: a lower cap counts at once."""
    found, cap = stores.ledger.months(), cap_units(stores.policy.policy.budget.cap)
    for budget in found:
        budget.cap = max(budget.spent, min(budget.cap, cap))
    return found


def facts_of(policy: Policy) -> dict[str, str]:
    """What a release keeps of the policy it was drawn under, beside its rules: a later policy says nothing of it."""
    return {"policy": policy.name, "timezone": policy.time.timezone}


def utc_now() -> datetime:
    """The clock of a production run."""
    return datetime.now(UTC)


def check_clock(stores: Stores) -> None:
    """Raise StorageUnavailable if the clock is far behind what was written last: days and keys end by the clock."""
    newest, now, zone = stores.audit.newest(), utc_now(), stores.policy.policy.time.local
    if newest and newest.at - now > SLOW_CLOCK:
        raise StorageUnavailable(
            f"This machine's clock says {clock(now, zone)}, but an act was recorded at {clock(newest.at, zone)}.",
            "Set the clock (`timedatectl`), then run the same command again. If it was wrong then and is right now: "
            "`throng ingest DAY --override lateness_hours --reason TEXT` records so.",
        )


def latest_drawn(stores: Stores, product: Product, period: Period) -> Release | None:
    """The latest release of a period that was published, also if it was recalled."""
    return latest_of(stores.ledger.releases(product.name, product.version, str(period)))


def latest_of(revisions: Sequence[Release]) -> Release | None:
    """The latest of a period's releases, oldest first, that was drawn; an unfinished revision hides nothing."""
    unfinished = (ReleaseState.RESERVED, ReleaseState.STAGED)
    return next((release for release in reversed(revisions) if release.state not in unfinished), None)


def outstanding(stores: Stores, month: Period) -> int:
    """Units of the month that scheduled releases which are not reserved yet will need."""
    taken = {(r.product, r.version, r.period) for r, _ in stores.ledger.charges(str(month))}
    return sum(
        privacy_cost(product, period, stores.policy.policy).units
        for product in registry.drawn()
        for period in sorted({period for day in month.days for period in product.periods(day)})
        if (product.name, product.version, str(period)) not in taken
    )


def day_profile(stores: Stores, day: date, revision: int | None) -> Profile:
    """The noisy profile by which a generation of a day was judged; raises RefusedRelease if it was never drawn."""
    release = stores.ledger.find(GATE_PROFILE.name, GATE_PROFILE.version, str(day), revision)
    if revision is None or release is None or release.sha256 is None:
        raise RefusedRelease(f"The profile of {day} is missing.", f"Run `throng ingest {day}` again.")
    return Profile.read(stores.lake.release(ReleaseKey.of(release), release.sha256).table)


class ReleaseDraw:
    """Draws a release at most once, whatever happens on the way."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def reserve(
        self, product: Product, period: Period, revision: int, inputs: ReleaseInputs, reason: str | None = None
    ) -> ReleaseKey:
        """Take the key and charge each month, or neither; a revision leaves what the schedule still needs."""
        policy = self._stores.policy
        key = ReleaseKey(product.name, product.version, str(period), revision)
        cost = privacy_cost(product, period, policy.policy)
        facts = ReservationFacts(
            rho=str(cost.exact),
            slot=scheduled_at(period, policy.policy),
            policy_digest=policy.digest,
            zone_plan=inputs.zone_plan,
            generations=inputs.generations,
            digests=inputs.digests,
            reason=reason,
        )
        self._stores.ledger.reserve(
            key,
            dict.fromkeys(period.months, cost.units) if cost.units else {},
            cap_units(policy.policy.budget.cap),
            facts,
            AuditEntry.by_user("release reserved", str(key), reason or "", rho=str(cost.exact)),
            keep_back=self._outstanding(period) if revision > 1 else None,
        )
        return key

    def finish(
        self,
        key: ReleaseKey,
        rules: tuple[LevelRule, ...],
        count: Callable[[], PendingDraw],
        facts: Mapping[str, Any],
    ) -> Release:
        """Bring a reserved release to published; `count` is called only if no complete bytes exist."""
        ledger, releases = self._stores.ledger, self._stores.lake
        release = self._reserved(key, rules)
        if release.state in (ReleaseState.PUBLISHED, ReleaseState.RECALLED):
            return release
        sha256 = releases.staged(key)
        if sha256 is None:
            _check_draws(release, key)
            pending = count()  # before the intent: a run that dies while counting has drawn nothing
            ledger.intend_draw(key, AuditEntry.by_user("draw intended", str(key)), pending.digests)
            counts = pending.draw()
            if counts.rules != rules:
                raise defect(f"{key} was charged by other rules than it was drawn by")
            sha256 = releases.stage_release(key, counts, facts)
        ledger.stage(key, sha256, _with_digest("release staged", key, sha256))
        releases.publish_release(key, sha256)
        return ledger.publish(key, _with_digest("release published", key, sha256))

    def _reserved(self, key: ReleaseKey, rules: tuple[LevelRule, ...]) -> Release:
        """The ledger's row; refused if it was charged under another policy than it would now be drawn by."""
        release = self._stores.ledger.find(key.product, key.version, key.period, key.revision)
        if release is None:
            raise RefusedRelease(f"{key} was never charged.", "Publish it first: its charge precedes everything.")
        unfinished = release.state in (ReleaseState.RESERVED, ReleaseState.STAGED)
        cost = str(charge(rules, len(Period.parse(key.period).months)).exact)
        if unfinished and (cost, self._stores.policy.digest) != (release.rho, release.policy_digest):
            raise RefusedRelease(
                f"{key} was charged rho {release.rho} under another policy and is not drawn yet.",
                f"Set THRONG_POLICY to the policy whose digest begins {release.policy_digest[:12]}, and run it again.",
            )
        return release

    def _outstanding(self, period: Period) -> dict[str, int]:
        """By month: units that scheduled releases which are not reserved yet will need."""
        return {month: outstanding(self._stores, Period.parse(month)) for month in period.months}


def _check_draws(release: Release, key: ReleaseKey) -> None:
    if release.draws >= MOST_DRAWS:
        raise RefusedRelease(
            f"{key} was drawn {release.draws} times, and each time the process ended before its bytes were kept.",
            "`throng runs` shows what ended there: kill, memory, disk? Its charge stays spent, and it is not drawn "
            "again: tell the privacy officer.",
        )


def _with_digest(event: str, key: ReleaseKey, sha256: str) -> AuditEntry:
    return AuditEntry.by_user(event, str(key), f"sha256 {sha256}", sha256=sha256)
