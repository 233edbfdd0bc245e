"""Files of the lake in the catalog: what each generation of a day consists of, until it is removed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from sqlmodel import col, delete, select, tuple_
from sqlmodel.sql.expression import SelectOfScalar

from tasks.errors import StorageUnavailable
from tasks.period import Period
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.event_log import day_lineage
from tasks.store.lake_file import LakeFile
from tasks.store.tables import DayGeneration, DayState, ExpiredPeriod, StoredFile


class FileRepository(Repository):
    """Listed together with the day's acceptance; changed only together with the audit entry that says why."""

    def lake_files(self, generations: Mapping[date, int]) -> list[LakeFile]:
        """The files of these generations in the lake, by path; raises StorageUnavailable for one that lists none."""
        wanted = tuple_(col(StoredFile.day), col(StoredFile.generation)).in_(list(generations.items()))
        files = self._files(select(StoredFile).where(wanted))
        for day in sorted(set(generations) - {file.day for file in files}):
            raise StorageUnavailable(
                f"The catalog lists no file of {day}.", f"Run `throng ingest {day} --again`.", "catalog.files_missing"
            )
        return files

    def superseded(self, day: date | None = None) -> list[tuple[date, int]]:
        """Generations that no longer count and still list files, of a day or of all."""
        listed = select(col(StoredFile.day), col(StoredFile.generation))
        of = tuple_(col(DayGeneration.day), col(DayGeneration.generation))
        query = select(DayGeneration).where(DayGeneration.state == DayState.SUPERSEDED, of.in_(listed))
        rows = self._all(query if day is None else query.filter_by(day=day))
        return sorted((row.day, row.generation) for row in rows)

    def files_of(self, period: Period, day: date) -> list[LakeFile]:
        """A day's files that are sealed under the period's data key, of whatever generation, by path."""
        return [file for file in self._files(select(StoredFile).filter_by(day=day)) if file.period == period]

    def _files(self, query: SelectOfScalar[StoredFile]) -> list[LakeFile]:
        return [LakeFile(row.path, row.bytes) for row in self._all(query.order_by(col(StoredFile.path)))]

    def replace_files(self, replaced: Mapping[LakeFile, LakeFile | None], audit: AuditEntry) -> None:
        """List the files that took others' places, or nothing in their place, in one transaction."""
        with self._database.writing() as session:
            for before, after in replaced.items():
                row = session.exec(select(StoredFile).filter_by(path=before.path)).one()
                session.delete(row)
                if after:
                    session.add(StoredFile(day=row.day, generation=row.generation, **vars(after)))
            record(session, audit)

    def expired_periods(self) -> dict[str, bool]:
        """Periods that have expired, and whether everything of them is removed."""
        return {row.period: row.removed_at is not None for row in self._all(select(ExpiredPeriod))}

    def expire_period(self, period: Period, audit: AuditEntry) -> None:
        """From now on nothing is ingested or drawn of the period; said before anything of it is removed."""
        with self._database.writing() as session:
            session.add(ExpiredPeriod(period=str(period), expired_at=datetime.now(UTC)))
            record(session, audit)

    def end_expiry(self, period: Period, files: Iterable[LakeFile], audit: AuditEntry) -> None:
        """The period's keys and these files, all that were under them, are gone."""
        with self._database.writing() as session:
            session.exec(delete(StoredFile).where(col(StoredFile.path).in_([file.path for file in files])))
            session.get_one(ExpiredPeriod, str(period)).removed_at = datetime.now(UTC)
            record(session, audit)

    def forget_files(self, day: date, generation: int, audit: AuditEntry) -> None:
        """No longer list a generation's files: they are removed."""
        with self._database.writing() as session:
            session.exec(delete(StoredFile).filter_by(day=day, generation=generation))
            record(session, audit, day_lineage(day, generation))
