"""The installation's id: database, lake and key store of one installation carry the same, or nothing is done."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import select

from tasks.errors import RefusedRelease
from tasks.store import tables
from tasks.store.database import Database, exists
from tasks.store.keys import FileKeys, KeyStore
from tasks.store.lake import Lake
from tasks.store.ledger import NO_CHARGE, Ledger, ReleaseKey
from tasks.store.migrations import version_of

_ANOTHERS = "belongs to another installation"


@dataclass(frozen=True)
class Installation:
    """Whether the parts belong together."""

    id: str
    lake: Lake
    keys: KeyStore
    ledger: Ledger

    @classmethod
    def open(cls, database: Database, lake: Lake, keys: FileKeys, ledger: Ledger) -> "Installation":
        """Read the database's id, made at its creation; until it has charged anything it marks its empty lake and keys.

        Afterwards an empty one is not the one that was used: lost, or another folder. Raises RefusedRelease, and writes
        nothing, where one belongs to another installation: whatever was said or done would be of two.
        """
        own = _own_id(database)
        for part, mark in _marks(lake, keys):
            if mark not in (None, own):
                raise _foreign(part, _ANOTHERS)
        lake.open()
        keys.open()
        if not ledger.months():
            lake.mark(own)
            keys.mark(own)
        return cls(own, lake, keys, ledger)

    def check(self) -> None:
        """Raise RefusedRelease unless lake and keys carry this id, and whatever is drawn has its charge."""
        for part, mark in _marks(self.lake, self.keys):
            if mark != self.id:
                raise _foreign(part, "has no mark" if mark is None else _ANOTHERS)
        stored = self.lake.drawn_keys()  # before the charges: others may reserve, stage and publish meanwhile
        charges = self.ledger.charges()
        charged = {ReleaseKey.of(release) for release, _ in charges}
        derived = {ReleaseKey.of(release) for release in self.ledger.releases() if release.rho == NO_CHARGE}
        uncharged = [key for key in stored if key not in charged | derived]
        if uncharged:
            raise _foreign("lake", f"holds {len(uncharged)} releases without a charge, {uncharged[0]} first")
        self._check_sums(charges)

    def _check_sums(self, charges: list[tuple[tables.Release, tables.Charge]]) -> None:
        """Raise RefusedRelease if a month spent less than its charges add up to."""
        sums: Counter[str] = Counter()
        for _, charge in charges:
            sums[charge.month] += charge.units
        spent = {month.month: month.spent for month in self.ledger.months()}
        if wrong := [month for month, units in sorted(sums.items()) if spent.get(month, 0) < units]:
            raise _foreign("ledger", f"has spent less of {wrong[0]} than its charges add up to")


def check_not_lost(url: str, lake: Lake, keys: KeyStore) -> None:
    """Raise RefusedRelease, before anything is created, where lake or keys are in use and their database is lost.

    That is one that is not there, or that is empty. Marks are read first: a database that is just being made has its
    tables before its id is anywhere.
    """
    marked = [part for part, mark in _marks(lake, keys) if mark]
    if marked and not (exists(url) and version_of(Database(url))):
        raise _foreign(marked[0], _ANOTHERS)


def _marks(lake: Lake, keys: KeyStore) -> Iterator[tuple[str, str | None]]:
    yield f"lake {lake.location}", lake.marked()
    yield "key store", keys.marked()


def _own_id(database: Database) -> str:
    with database.reading() as session:
        return session.exec(select(tables.Installation.id)).one()


def _foreign(part: str, fault: str) -> RefusedRelease:
    return RefusedRelease(
        f"The {part} {fault}: with this database it could spend the same budget twice.",
        "Point THRONG_DATABASE_URL, THRONG_LAKE and THRONG_HOME to parts of one installation, or restore the backup.",
    )
