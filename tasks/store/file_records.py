"""Files of the lake in the catalog: what each generation of a day consists of, until it is removed."""

from collections.abc import Mapping
from datetime import date

from sqlmodel import col, delete, select, tuple_

from tasks.errors import StorageUnavailable
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Database
from tasks.store.journal import day_lineage
from tasks.store.lake_file import LakeFile
from tasks.store.tables import DayGeneration, DayState, StoredFile


class FileRecords:
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
            raise StorageUnavailable(f"The catalog lists no file of {day}.", f"Run `throng ingest {day} --again`.")
        return files

    def superseded(self, day: date | None = None) -> list[tuple[date, int]]:
        """Generations that no longer count and still list files, of a day or of all."""
        listed = select(col(StoredFile.day), col(StoredFile.generation))
        of = tuple_(col(DayGeneration.day), col(DayGeneration.generation))
        query = select(DayGeneration).where(DayGeneration.state == DayState.SUPERSEDED, of.in_(listed))
        with self._database.reading() as session:
            rows = session.exec(query if day is None else query.where(DayGeneration.day == day))
            return sorted((row.day, row.generation) for row in rows)

    def forget_files(self, day: date, generation: int, audit: AuditEntry) -> None:
        """No longer list a generation's files: they are removed."""
        of = (col(StoredFile.day) == day, col(StoredFile.generation) == generation)
        with self._database.writing() as session:
            session.exec(delete(StoredFile).where(*of))
            record(session, audit, day_lineage(day, generation))
