"""The installation's id: database, lake and key stores of one installation carry the same, or nothing is done."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from sqlmodel import select

from tasks.errors import RefusedRelease
from tasks.period import Period
from tasks.privacy.accounting import UNITS
from tasks.store import tables
from tasks.store.database import Database, exists
from tasks.store.lake import ReleasedLake
from tasks.store.ledger import NO_CHARGE, Ledger, ReleaseKey
from tasks.store.migrations import version_of
from tasks.store.object_store import InstallationPart
from tasks.store.signing_keys import SigningKeys

_OTHER = "belongs to another installation"
ROUNDED_UP = 1_000
"""Ledger units, 1e-9 rho: more than rounding, level by level, adds to a charge."""


@dataclass(frozen=True)
class Installation:
    """Whether the opened parts belong together."""

    id: str
    parts: Mapping[str, InstallationPart]
    ledger: Ledger
    drawn: Collection[tuple[str, str]]
    """Products and cadences of which every release is charged."""

    @classmethod
    def open(
        cls,
        database: Database,
        parts: Mapping[str, InstallationPart],
        ledger: Ledger,
        drawn: Collection[tuple[str, str]],
    ) -> "Installation":
        """Read the database's id, and mark parts that are empty and were never used.

        Later, an empty part is not the one that was used: it is lost, or another folder. Raises RefusedRelease, and
        writes nothing, if a part belongs to another installation.
        """
        with database.reading() as session:
            own = session.exec(select(tables.InstallationRow.id)).one()
        for part in parts.values():
            if part.marked() not in (None, own):
                raise _foreign(part, _OTHER)
        for part in parts.values():
            part.open()
            if not _used(database, part):
                part.mark(own)
        return cls(own, parts, ledger, drawn)

    def check(self) -> None:
        """Raise RefusedRelease unless each part carries this id, and each release in the lake has its charge."""
        for part in self.parts.values():
            if (mark := part.marked()) != self.id:
                raise _foreign(part, "has no mark" if mark is None else _OTHER)
        lake = self.parts.get("lake")
        stored = lake.drawn_keys() if isinstance(lake, ReleasedLake) else []
        charges = self.ledger.charges()  # after the releases: others may reserve, stage and publish meanwhile
        charged = {ReleaseKey.of(release) for release, _ in charges}
        free = {
            ReleaseKey.of(release)
            for release in self.ledger.releases()
            if release.rho == NO_CHARGE and (release.product, Period.parse(release.period).cadence) not in self.drawn
        }
        uncharged = [key for key in stored if key not in charged | free]
        if uncharged:
            raise _foreign("lake", f"holds {len(uncharged)} releases without a charge, {uncharged[0]} first")
        self._check_sums(charges)

    def _check_sums(self, charges: list[tuple[tables.Release, tables.Charge]]) -> None:
        """Raise RefusedRelease if a release states less than its charge, or a month spent less than its charges."""
        sums: Counter[str] = Counter()
        for release, charge in charges:
            sums[charge.month] += charge.units
            if charge.units - Fraction(release.rho) * UNITS > ROUNDED_UP:
                raise _foreign("ledger", f"states less rho of {ReleaseKey.of(release)} than it was charged")
        spent = {month.month: month.spent for month in self.ledger.months()}
        if wrong := [month for month, units in sorted(sums.items()) if spent.get(month, 0) < units]:
            raise _foreign("ledger", f"has spent less of {wrong[0]} than its charges add up to")


def check_established(url: str, parts: Iterable[InstallationPart]) -> None:
    """Raise RefusedRelease, before anything is created, if a part is in use and its database is missing or empty.

    Of an established database no part is read: a zone cannot read the marks of the others.
    """
    if _established(url):
        return
    marked = [part for part in parts if part.marked()]
    if marked and not _established(url):  # asked again: another process may just have made it, and marked the part
        raise _foreign(marked[0], _OTHER)


def _established(url: str) -> bool:
    return exists(url) and bool(version_of(Database(url)))


def _used(database: Database, part: InstallationPart) -> bool:
    """Whether a record depends on the part: a delivery on signing keys, a charge on all others."""
    record = tables.Delivery if isinstance(part, SigningKeys) else tables.MonthBudget
    with database.reading() as session:
        return session.exec(select(record).limit(1)).first() is not None


def _foreign(part: object, fault: str) -> RefusedRelease:
    return RefusedRelease(
        f"The {part} {fault}. With this database, the same budget could be spent twice.",
        "Point THRONG_DATABASE_URL, THRONG_LAKE and THRONG_HOME to parts of one installation, or restore the backup.",
        "installation.parts",
    )
