"""Files of the lake in the catalog: what each generation of a day consists of, until it is removed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from sqlmodel import col, delete, select, tuple_

from tasks.errors import StorageUnavailable
from tasks.period import Period
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Database
from tasks.store.event_log import day_lineage
from tasks.store.lake_file import LakeFile
from tasks.store.tables import DayGeneration, DayState, ExpiredPeriod, StoredFile


class FileRepository:
    """Listed together with the day's acceptance; changed only together with the audit entry that says why."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lake_files(self, generations: Mapping[date, int]) -> list[LakeFile]:
        """The files of these generations in the lake, by path; raises StorageUnavailable for one that lists none."""
        wanted = tuple_(col(StoredFile.day), col(StoredFile.generation)).in_(list(generations.items()))
        with self._database.reading() as session:
            rows = session.exec(select(StoredFile).where(wanted).order_by(col(StoredFile.path)))
            files = [LakeFile(row.path, row.bytes) for row in rows]
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
        with self._database.reading() as session:
            rows = session.exec(query if day is None else query.where(DayGeneration.day == day))
            return sorted((row.day, row.generation) for row in rows)

    def files_of(self, period: Period, day: date) -> list[LakeFile]:
        """A day's files that are sealed under the period's data key, of whatever generation, by path."""
        query = select(StoredFile).where(StoredFile.day == day)
        with self._database.reading() as session:
            files = [LakeFile(row.path, row.bytes) for row in session.exec(query.order_by(col(StoredFile.path)))]
        return [file for file in files if file.period == period]

    def replace_files(self, replaced: Mapping[LakeFile, LakeFile | None], audit: AuditEntry) -> None:
        """List the files that took others' places, or nothing in their place, in one transaction."""
        with self._database.writing() as session:
            for before, after in replaced.items():
                row = session.exec(select(StoredFile).where(StoredFile.path == before.path)).one()
                session.delete(row)
                if after:
                    session.add(StoredFile(day=row.day, generation=row.generation, **vars(after)))
            record(session, audit)

    def expired_periods(self) -> dict[str, bool]:
        """Periods that have expired, and whether everything of them is removed."""
        with self._database.reading() as session:
            return {row.period: row.removed_at is not None for row in session.exec(select(ExpiredPeriod))}

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
        of = (col(StoredFile.day) == day, col(StoredFile.generation) == generation)
        with self._database.writing() as session:
            session.exec(delete(StoredFile).where(*of))
            record(session, audit, day_lineage(day, generation))
