"""The ledger: what a release costs is charged before it is drawn, once, and never given back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from tasks.errors import Misconfigured, RefusedRelease
from tasks.privacy.accounting import rho_of
from tasks.refs import release_id
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.event_log import release_lineage
from tasks.store.tables import Charge, MonthBudget, Release, ReleaseState

RELEASE_TRANSITIONS: Mapping[ReleaseState, frozenset[ReleaseState]] = {
    ReleaseState.RESERVED: frozenset({ReleaseState.RESERVED, ReleaseState.STAGED}),
    ReleaseState.STAGED: frozenset({ReleaseState.RESERVED, ReleaseState.PUBLISHED}),
    ReleaseState.PUBLISHED: frozenset({ReleaseState.RECALLED}),
    ReleaseState.RECALLED: frozenset(),
}
"""What may follow what. To `reserved` leads each intent to draw: the first one, and one after the bytes were lost."""

NAMED = 5
"""Revisions that a refusal names, the latest ones."""
NO_CHARGE = "0"
"""The rho of a release that is derived from others: no month is charged for it."""

_OPEN = text("INSERT INTO month_budget (month, cap, spent) VALUES (:month, :cap, 0) ON CONFLICT (month) DO NOTHING")
_LOWER = text(
    "UPDATE month_budget SET cap = CASE WHEN spent > :cap THEN spent ELSE :cap END WHERE month = :month AND cap > :cap"
)
_KEY = re.compile(r"([a-z][a-z0-9_]{0,62})/v([1-9]\d{0,5})/([0-9W-]{7,10})/r([1-9]\d{0,5})")


@dataclass(frozen=True, order=True)
class ReleaseKey:
    """The unique key of a release; written `footfall/v3/2026-03-01/r1`."""

    product: str
    version: int
    period: str
    revision: int

    def __post_init__(self) -> None:
        ReleaseKey._match(str(self))

    @classmethod
    def parse(cls, words: str) -> "ReleaseKey":
        """Read a key as users write it; raises Misconfigured."""
        match = cls._match(words)
        return cls(match[1], int(match[2]), match[3], int(match[4]))

    @classmethod
    def of(cls, release: Release) -> "ReleaseKey":
        """The key of a ledger row."""
        return cls(release.product, release.version, release.period, release.revision)

    @staticmethod
    def _match(words: str) -> re.Match[str]:
        if match := _KEY.fullmatch(words):
            return match
        raise Misconfigured(
            f"'{words[:80]}' is not a release.", "Write it as footfall/v3/2026-03-01/r1.", "release.unreadable_key"
        )

    def __str__(self) -> str:
        return release_id(**vars(self))


@dataclass(frozen=True)
class ReservationFacts:
    """What a release is made of, recorded with its charge; digests of people's data are keyed and never leave."""

    rho: str
    slot: datetime
    policy_digest: str
    zone_plan: str
    generations: Mapping[str, int]
    digests: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


class Ledger(Repository):
    """Releases, charges and budgets. A change is one transaction with its audit entry; repeating it changes nothing."""

    def find(self, product: str, version: int, period: str, revision: int | None = None) -> Release | None:
        """The release of this revision, or the latest one; None if there is none."""
        query = select(Release).filter_by(product=product, version=version, period=period)
        if revision is not None:
            query = query.filter_by(revision=revision)
        return self._first(query.order_by(col(Release.revision).desc()))

    def get(self, key: ReleaseKey) -> Release:
        """The release of a key; raises RefusedRelease unless it was charged."""
        if release := self.find(**vars(key)):
            return release
        raise RefusedRelease(
            f"{key} was never charged.", "Publish it first: its charge precedes everything.", "release.not_charged"
        )

    def releases(
        self, product: str | None = None, version: int | None = None, period: str | None = None
    ) -> list[Release]:
        """Every release, or those of a product, version and period; by period, product, version and revision."""
        order = (col(Release.period), col(Release.product), col(Release.version), col(Release.revision))
        wanted = {"product": product, "version": version, "period": period}
        query = select(Release).filter_by(**{name: value for name, value in wanted.items() if value is not None})
        return self._all(query.order_by(*order))

    def months(self) -> list[MonthBudget]:
        """Every month that was ever charged, ascending; amounts in units of 1e-12 rho."""
        return self._all(select(MonthBudget).order_by(col(MonthBudget.month)))

    def charges(self, month: str | None = None) -> list[tuple[Release, Charge]]:
        """The charges of a month, or of all, with their releases, in the order in which they were reserved."""
        query = select(Release, Charge).join(Charge).order_by(col(Release.id), col(Charge.month))
        with self._database.reading() as session:
            return list(session.exec(query if month is None else query.where(Charge.month == month)))

    def reserve(
        self,
        key: ReleaseKey,
        charges: Mapping[str, int],
        cap_units: int,
        facts: ReservationFacts,
        audit: AuditEntry,
        keep_back: Mapping[str, int] | None = None,
    ) -> Release:
        """Take the key and charge every month (month -> units of 1e-12 rho), or neither; a taken key is returned as is.

        A revision leaves `keep_back` (month -> units) for the months' outstanding scheduled releases. Raises
        RefusedRelease over the cap, saying what was asked, what is left, of which month, and what could be dropped.
        """
        if min(charges.values(), default=0) <= 0 and not (facts.rho == NO_CHARGE and not charges):
            raise RefusedRelease(
                f"{key} would be drawn without a charge.", "Charge every month that it touches.", "release.no_charge"
            )
        if existing := self.find(**vars(key)):
            return existing
        try:
            with self._database.writing() as session:
                release = Release(**vars(key), state=ReleaseState.RESERVED, **vars(facts))
                session.add(release)
                session.flush()  # gives it its id
                for month, units in sorted(charges.items()):  # ascending, so that no two releases wait for each other
                    _charge_month(session, month, units, cap_units, (keep_back or {}).get(month, 0))
                    session.add(Charge(release_id=release.id, month=month, units=units))
                record(session, audit, release_lineage(release.period, release.generations))
                return release
        except IntegrityError:  # another process took the key first, and has committed
            return self.get(key)

    def repin(self, key: ReleaseKey, zone_plan: str, generations: Mapping[str, int], audit: AuditEntry) -> None:
        """Let an undrawn release read these generations of its days instead of those it was reserved for."""
        release = self.get(key)
        if (release.zone_plan, dict(release.generations)) == (zone_plan, dict(generations)):
            return
        with self._database.writing() as session:
            release = _move(session, key, ReleaseState.RESERVED, audit)
            release.zone_plan, release.generations = zone_plan, dict(generations)

    def intend_draw(self, key: ReleaseKey, audit: AuditEntry, digests: Mapping[str, str] | None = None) -> Release:
        """Say that noise is about to be drawn, and count it; refused for a published release.

        `digests` of what was read take the place of the reservation's: files may have been exchanged since.
        """
        with self._database.writing() as session:
            release = _move(session, key, ReleaseState.RESERVED, audit)
            release.digests = {**release.digests, **(digests or {})}
            release.sha256 = None
            release.draws += 1
            return release

    def stage(self, key: ReleaseKey, sha256: str, audit: AuditEntry) -> Release:
        """Record the digest of the bytes that rest in staging; the same digest again changes nothing."""
        release = self.get(key)
        if release.state is not ReleaseState.RESERVED and release.sha256 == sha256:
            return release
        with self._database.writing() as session:
            release = _move(session, key, ReleaseState.STAGED, audit)
            release.sha256 = sha256
            return release

    def publish(self, key: ReleaseKey, audit: AuditEntry) -> Release:
        """Record that the staged bytes stand in the releases; again changes nothing."""
        release = self.get(key)
        if release.state is ReleaseState.PUBLISHED:
            return release
        with self._database.writing() as session:
            return _move(session, key, ReleaseState.PUBLISHED, audit)


def _charge_month(session: Session, month: str, units: int, cap_units: int, keep_units: int) -> None:
    """Spend units of the month, leaving `keep_units`, or raise RefusedRelease; amounts in 1e-12 rho.

    The cap is fixed at the month's first charge; a policy with a lower cap lowers it, a higher one changes nothing.
    """
    cap = {"month": month, "cap": cap_units}
    session.execute(_OPEN, cap)
    session.execute(_LOWER, cap)
    # read-check-write granted twice the cap on PostgreSQL; this holds at READ COMMITTED, where the row is read again
    spend = (
        update(MonthBudget)
        .where(col(MonthBudget.month) == month, col(MonthBudget.spent) + units + keep_units <= col(MonthBudget.cap))
        .values(spent=col(MonthBudget.spent) + units)
    )
    if cast(CursorResult[Any], session.execute(spend)).rowcount != 1:
        raise _over_cap(session, month, units, keep_units)


def _over_cap(session: Session, month: str, units: int, keep_units: int) -> RefusedRelease:
    budget = session.exec(select(MonthBudget).where(MonthBudget.month == month)).one()
    kept = f", {_rho(keep_units)} of it kept for the month's scheduled releases" if keep_units else ""
    return RefusedRelease(
        f"The budget of {month} does not suffice: asked rho {_rho(units)}, left {_rho(budget.left)} of "
        f"{_rho(budget.cap)}{kept}. Charged so far: {_charged(session, month)}.{_revised(session, month)}",
        f"Draw no revision of {month}: `throng budget --month {month}` shows its charges. "
        "A scheduled release stays blocked; ask the privacy officer.",
        "budget.insufficient",
    )


def _charged(session: Session, month: str) -> str:
    """The month's charges by product: what could be dropped from here on."""
    totals = (
        select(Release.product, func.count(), func.sum(Charge.units))
        .join(Charge)
        .where(Charge.month == month)
        .group_by(Release.product)
        .order_by(Release.product)
    )
    parts = [f"{product} {_rho(int(units))} in {count}" for product, count, units in session.exec(totals)]
    return ", ".join(parts) or "nothing"


def _revised(session: Session, month: str) -> str:
    """The month's revisions and their charge: they left what the products of that time needed."""
    query = select(Release, Charge.units).join(Charge).where(Charge.month == month, Release.revision > 1)
    found = [
        (str(ReleaseKey.of(release)), int(units)) for release, units in session.exec(query.order_by(col(Release.id)))
    ]
    if not found:
        return ""
    names = ", ".join(name for name, _ in found[-NAMED:]) + (
        f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    )
    total = _rho(sum(units for _, units in found))
    return f" Revisions took {total} of it: {names}. They left nothing for products that the policy left out by then."


def _rho(units: int) -> str:
    return f"{rho_of(units):.6f}"


def _move(session: Session, key: ReleaseKey, to: ReleaseState, audit: AuditEntry) -> Release:
    """Lock the release's row and let it take a state that may follow; the audit entry goes with it."""
    release = session.exec(select(Release).filter_by(**vars(key)).with_for_update()).one_or_none()
    if release is None or to not in RELEASE_TRANSITIONS[release.state]:
        state = release.state.value if release else "not reserved"
        raise RefusedRelease(
            f"{key} is {state} and cannot become {to}.",
            "See `throng releases` for its state.",
            "release.transition",
        )
    release.state = to
    record(session, audit, release_lineage(release.period, release.generations))
    return release
