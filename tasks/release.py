"""Draw a release once: reserve and charge, record the intent, draw into staging, record the digest, publish.

After a kill at any line the next call continues from durable state. It draws noise again only if staging holds no
complete bytes; the charge stays the same and the draws are counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tasks.errors import RefusedRelease, StorageUnavailable
from tasks.events.profile import Profile
from tasks.period import Period, clock, day_start
from tasks.policy import Policy
from tasks.privacy.accounting import PrivacyCost, cap_units, charge
from tasks.privacy.bounds import LevelRule, defect
from tasks.privacy.protect import ProtectedCounts
from tasks.products import registry
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.products.spec import Product
from tasks.store import CatalogStores, ReleaseStores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey, ReservationFacts
from tasks.store.tables import DayGeneration, MonthBudget, Release

MOST_DRAWS = 3
"""Draws under one charge. A lost draw reveals nothing, but its cause must be found."""
SLOW_CLOCK = timedelta(hours=2)
"""The largest lag of the clock behind the newest audit entry; machines of one database differ by less."""
PROFILES_A_DAY = 3
"""Draws of a day's gate profile; each changed landing needs one, from the month's reserve."""
Draw = Callable[[], ProtectedCounts]
"""Adds noise to counted sums, or derives from releases."""


@dataclass(frozen=True)
class PendingDraw:
    """A prepared draw, with the digests of what it read if they may differ from the reservation's."""

    draw: Draw
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseInputs:
    """The zone plan, day generations and digests that a release is drawn from."""

    zone_plan: str
    generations: Mapping[str, int]
    digests: Mapping[str, str] = field(default_factory=dict)


def scheduled_at(period: Period, policy: Policy) -> datetime:
    """The schedule slot of a period: its local end plus `close_after`, independent of the data."""
    return (day_start(period.end, policy.time.local) + timedelta(hours=policy.time.close_after)).astimezone(UTC)


def closed_at(period: Period, policy: Policy) -> datetime:
    """From when on a longer period no longer waits for its missing days."""
    return scheduled_at(period, policy) + timedelta(days=policy.time.catch_up_days)


def key_ends(period: Period, days: Iterable[DayGeneration], policy: Policy) -> datetime:
    """When a period's keys may be destroyed: `keys_days` after the later of its end and its last ingest."""
    over = day_start(period.end, policy.time.local)
    return max([over, *(day.ingested_at for day in days if day.ingested_at)]) + timedelta(
        days=policy.retention.keys_days
    )


def rules_of(product: Product, period: Period, policy: Policy) -> tuple[LevelRule, ...]:
    """The rule of each level that a release of the period is charged and drawn by."""
    length = day_start(period.end, policy.time.local) - day_start(period.first, policy.time.local)
    return product.rules(policy, period.cadence, round(length / timedelta(hours=1)))


def privacy_cost(product: Product, period: Period, policy: Policy) -> PrivacyCost:
    """The charge of one release to each month that its period touches."""
    return charge(rules_of(product, period, policy), len(period.months))


def budgets(stores: CatalogStores) -> list[MonthBudget]:
    """Every month that was ever charged, ascending, as its next charge would find it: a lower cap counts at once."""
    found, cap = stores.ledger.months(), cap_units(stores.policy.policy.budget.cap)
    for budget in found:
        budget.cap = max(budget.spent, min(budget.cap, cap))
    return found


def facts_of(policy: Policy) -> dict[str, Any]:
    """What a release keeps of the policy it was drawn under, beside its rules: a later policy says nothing of it."""
    return {"policy": policy.name, "timezone": policy.time.timezone, "who": policy.who.model_dump(mode="json")}


def utc_now() -> datetime:
    """The clock of a production run."""
    return datetime.now(UTC)


def check_clock(stores: CatalogStores) -> None:
    """Raise StorageUnavailable if the clock is far behind the newest audit entry: days and keys end by the clock."""
    newest, now, zone = stores.audit.newest(), utc_now(), stores.policy.policy.time.local
    if newest and newest.at - now > SLOW_CLOCK:
        raise StorageUnavailable(
            f"This machine's clock says {clock(now, zone)}, but an act was recorded at {clock(newest.at, zone)}.",
            "Set the clock (`timedatectl`), then run the same command again. If it was wrong then and is right now: "
            "`throng ingest DAY --override lateness_hours --reason TEXT` records so.",
            "clock.behind",
        )


def latest_drawn(stores: CatalogStores, product: Product, period: Period) -> Release | None:
    """The latest release of a period that was drawn, recalled ones included."""
    return latest_of(stores.ledger.releases(product.name, product.version, str(period)))


def latest_of(revisions: Sequence[Release]) -> Release | None:
    """The latest drawn release among a period's revisions, oldest first; unfinished revisions are skipped."""
    return next((release for release in reversed(revisions) if not release.unfinished), None)


def outstanding(stores: CatalogStores, month: Period) -> int:
    """Units that the month's scheduled releases still need."""
    taken = {(r.product, r.version, r.period) for r, _ in stores.ledger.charges(str(month))}
    return sum(
        privacy_cost(product, period, stores.policy.policy).units
        for product in registry.drawn(stores.policy.policy.budget.leave_out)
        for period in sorted({period for day in month.days for period in product.periods(day)})
        if (product.name, product.version, str(period)) not in taken
    )


def day_profile(stores: ReleaseStores, day: date, revision: int | None) -> Profile:
    """The noisy profile that the gate judged; raises RefusedRelease if it was never drawn."""
    release = stores.ledger.find(GATE_PROFILE.name, GATE_PROFILE.version, str(day), revision)
    if revision is None or release is None or release.sha256 is None:
        raise RefusedRelease(
            f"The profile of {day} is missing.", f"Run `throng ingest {day}` again.", "release.no_profile"
        )
    return Profile.read(stores.lake.release(ReleaseKey.of(release), release.sha256).table)


class ReleaseDraw:
    """Draws a release at most once."""

    def __init__(self, stores: ReleaseStores) -> None:
        self._stores = stores

    def reserve(
        self, product: Product, period: Period, revision: int, inputs: ReleaseInputs, reason: str | None = None
    ) -> ReleaseKey:
        """Take the key and charge every month, or neither; a revision leaves what the schedule still needs."""
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
            keep_back={
                month: outstanding(self._stores, Period.parse(month)) for month in period.months if revision > 1
            },
        )
        return key

    def finish(
        self,
        key: ReleaseKey,
        rules: tuple[LevelRule, ...],
        count: Callable[[], PendingDraw],
        facts: Mapping[str, Any],
    ) -> Release:
        """Publish a reserved release; `count` runs only if no complete bytes exist."""
        ledger, releases = self._stores.ledger, self._stores.lake
        release = self._reserved(key, rules)
        if not release.unfinished:
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
        """The ledger's row; raises RefusedRelease if it was charged under another policy."""
        release = self._stores.ledger.get(key)
        cost = str(charge(rules, len(Period.parse(key.period).months)).exact)
        if release.unfinished and (cost, self._stores.policy.digest) != (release.rho, release.policy_digest):
            raise RefusedRelease(
                f"{key} was charged rho {release.rho} under another policy and is not drawn yet.",
                f"Set THRONG_POLICY to the policy whose digest begins {release.policy_digest[:12]}, and run it again.",
                "release.other_policy",
            )
        return release


def _check_draws(release: Release, key: ReleaseKey) -> None:
    if release.draws >= MOST_DRAWS:
        raise RefusedRelease(
            f"{key} was drawn {release.draws} times, and each process ended before it stored the bytes.",
            "Find the cause with `throng runs`: kill, memory or disk. The charge stays spent, and the release is not "
            "drawn again; inform the privacy officer.",
            "release.drawn_too_often",
        )


def _with_digest(event: str, key: ReleaseKey, sha256: str) -> AuditEntry:
    return AuditEntry.by_user(event, str(key), f"sha256 {sha256}", sha256=sha256)
