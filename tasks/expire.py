"""expire(): what the policy lets the lake keep no longer is destroyed, and rows of subscribers who withdrew.

Killed anywhere, the next call goes on: what has expired is said in the catalog first, and done last.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from tasks.engine.partitions import lake_partition
from tasks.errors import RefusedRelease, StorageUnavailable, ThrongError
from tasks.events.formats import load_formats
from tasks.events.panel import withdrawn
from tasks.period import Period
from tasks.products import registry
from tasks.refs import ExpiryRef, Outcome
from tasks.release import check_clock, key_ends, utc_now
from tasks.retention import EXPIRY, remove_superseded
from tasks.step import step
from tasks.store import LandingStores
from tasks.store.audit import AuditEntry
from tasks.store.lake import LakeFile
from tasks.store.scratch import private_folder, remove_unused
from tasks.store.tables import DayState

Pseudonyms = NDArray[np.uint64]


class Expire:
    """Destroys what is over. Of rows it sees pseudonyms alone; who withdrew is read in the landing zone."""

    def __init__(self, stores: LandingStores, now: Callable[[], datetime] = utc_now) -> None:
        self._stores = stores
        self._now = now

    def __call__(self) -> ExpiryRef:
        """Do all that is due; what one lost file hinders is done for all others first."""
        check_clock(self._stores)
        with self._stores.locks.hold("expire"), self._stores.catalog.run("expire", EXPIRY) as run:
            self._stores.installation.check()
            files = self.remove_leftovers()
            periods, destroyed = self.destroy_expired()
            rows = self.remove_withdrawn()
            ref = ExpiryRef(Outcome.EXPIRED, periods, files + destroyed, rows)
            run.outcome, run.message = ref.outcome, str(ref)
            facts = {"periods": periods, "files": ref.files, "rows": rows}
            self._stores.audit.write(AuditEntry.by_user("expiry done", EXPIRY, str(ref), **facts))
            return ref

    @step("remove superseded versions and leftovers of dead runs")
    def remove_leftovers(self) -> int:
        """Remove superseded versions of days, and candidates of ingests that died; how many files versions had."""
        catalog, lake = self._stores.catalog, self._stores.lake
        remove_unused(self._stores.settings.scratch_root)  # raw ids may be in it
        for row in catalog.generations():
            if row.state is DayState.CANDIDATE:
                with self._stores.locks.hold(f"day-{row.day}"):  # its writer holds the lock until it is current
                    if any(latest == row for latest in catalog.generations(row.day)):
                        lake.staged_version(row.day, row.generation).discard()
        return sum(self._tidied(day) for day in sorted({day for day, _ in catalog.superseded()}))

    def _tidied(self, day: date) -> int:
        with self._stores.locks.hold(f"day-{day}"):
            return remove_superseded(self._stores, day)

    @step("destroy expired keys, and the rows under them")
    def destroy_expired(self) -> tuple[int, int]:
        """Destroy the keys of every period whose retention is over, with all files under them; how many of each."""
        expired = self._stores.catalog.expired_periods()
        begun = {Period.parse(name) for name, removed in expired.items() if not removed}
        kept = self._stores.data_keys.periods() | self._stores.pseudonym_keys.periods()
        due = sorted({period for period in kept if self._over(period)} | begun)
        files = [self._destroyed(period) for period in due]
        return len([count for count in files if count is not None]), sum(count or 0 for count in files)

    def _over(self, period: Period) -> bool:
        days = self._stores.catalog.days(period.first, period.days[-1])
        return self._now() >= key_ends(period, days, self._stores.policy.policy)

    def _destroyed(self, period: Period) -> int | None:
        """How many files went; None if the period was ingested again meanwhile."""
        catalog, lake = self._stores.catalog, self._stores.lake
        with self._undrawn(period):
            if not self._decided(period):
                return None
            files: list[LakeFile] = []
            for day in period.days:
                with self._stores.locks.hold(f"day-{day}"):
                    files += catalog.files_of(period, day)
                    lake.keep_only(period, day, ())
            for keys in (self._stores.data_keys, self._stores.pseudonym_keys):  # rows first: none is left unopened
                keys.destroy(period)
            lake.delete_eligible(period)
            entry = AuditEntry.by_user("period destroyed", f"period {period}", f"{len(files)} files", files=len(files))
            catalog.end_expiry(period, files, entry)
        return len(files)

    def _decided(self, period: Period) -> bool:
        """Say that the period has expired, unless a day of it is being taken in again; from then on none is."""
        if str(period) in self._stores.catalog.expired_periods():
            return True
        with self._stores.locks.hold(f"day-{period.first}"):
            if over := self._over(period):
                entry = AuditEntry.by_user("period expired", f"period {period}")
                self._stores.catalog.expire_period(period, entry)
        return over

    @step("remove the rows of subscribers who withdrew")
    def remove_withdrawn(self) -> int:
        """Remove rows of everybody who withdrew from every day and state that is kept; how many rows went."""
        removed, faults = 0, list[ThrongError]()
        for period, gone in self._gone().items():
            try:
                removed += self._without(period, gone)
            except (StorageUnavailable, RefusedRelease) as fault:  # the others' rows go all the same
                faults.append(fault)
        if faults:
            raise faults[0]
        return removed

    def _gone(self) -> dict[Period, Pseudonyms]:
        """Who withdrew, under the pseudonyms of each period that is kept; raw ids end with this call."""
        policy, keys = self._stores.policy.policy, self._stores.pseudonym_keys
        periods = sorted(keys.periods())
        keyed = [keys.existing(period) for period in periods]
        with private_folder(self._stores.settings.scratch_root, "registers") as folder:
            gone = withdrawn(
                self._stores.settings.landing_root,
                time=policy.time,
                who=policy.who,
                now=self._now(),
                keyed=keyed,
                formats=load_formats(self._stores.settings.mapping),
                spill=folder.path / "registers",
            )
        return dict(zip(periods, gone, strict=True))

    def _without(self, period: Period, gone: Pseudonyms) -> int:
        removed, partition = 0, lake_partition(gone)
        with self._undrawn(period):
            for day in period.days:
                with self._stores.locks.hold(f"day-{day}"):
                    for file in self._stores.catalog.files_of(period, day):
                        removed += self._rewritten(file, gone[partition == file.partition])
                    self._stores.lake.keep_only(period, day, self._stores.catalog.files_of(period, day))
            self._stores.lake.remove_eligible(period, gone)
        return removed

    def _rewritten(self, file: LakeFile, gone: Pseudonyms) -> int:
        """Written beside the old one, then listed in its place: killed anywhere, a whole file is listed."""
        removed, after = self._stores.lake.without(file, gone) if len(gone) else (0, file)
        if removed:
            entry = AuditEntry.by_user("withdrawn rows removed", f"day {file.day}", f"{removed} rows", rows=removed)
            self._stores.catalog.replace_files({file: after}, entry)
        return removed

    @contextmanager
    def _undrawn(self, period: Period) -> Iterator[None]:
        """Nobody draws from the period meanwhile."""
        with ExitStack() as held:
            for product in registry.products():
                if period.cadence in product.cadences:
                    held.enter_context(self._stores.locks.hold(f"release-{product.name}-{period}"))
            yield
