"""Days in the lake: each generation of a day under its own prefix, read by the files that the catalog lists.

A generation counts once the catalog lists it; nothing reads it before. Files with rows of persons are sealed under the
data key of their period. Quarantine (file, row, reason) and coverage (zones x hours) hold no person's row.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import StorageUnavailable
from tasks.mobility.tables import LakeTable
from tasks.period import Cadence, Period
from tasks.store.keys import DataKeys
from tasks.store.lake_file import LakeFile, lost_or_altered
from tasks.store.object_store import MissingObject, ObjectInfo, ObjectStore
from tasks.store.parquet import parquet, table_of
from tasks.store.seal import DoesNotOpen, seal, unseal

FIRST_PART = "part-1.sealed"
KEPT_TABLES = "tables"
"""The folder of empty objects that name the tables of a generation."""


@dataclass(frozen=True)
class StagedVersion:
    """A generation of a day that the catalog does not list yet; workers write at the same time."""

    objects: ObjectStore
    keys: DataKeys
    day: date
    generation: int

    def write(self, table: LakeTable, partition: int, rows: pa.Table) -> None:
        """One partition of a table, sealed under the data key of its period."""
        period = Period.holding(table.pseudonym, self.day)
        path = f"{_of_period(table.name, period)}{self._labels}/bucket={partition:02d}/{FIRST_PART}"
        self._put(path, seal(self.keys.key(period), path, parquet(rows)))

    def write_quarantine(self, table: pa.Table) -> None:
        """Rows set aside: file, row, reason; never a value."""
        self._put(f"quarantine/{self._labels}/quarantine.parquet", parquet(table))

    def write_coverage(self, covered: npt.NDArray[np.bool_]) -> None:
        """Zones x hours that had a valid cell."""
        self._put(_coverage(self.day, self.generation), _npy(covered))

    def keep_table(self, table: LakeTable) -> None:
        """Record that the generation holds this table, even where it has no row."""
        self._put(f"{KEPT_TABLES}/{self._labels}/{table.name}", b"")

    def write_profile(self, values: npt.NDArray[np.int64]) -> None:
        """The confidential profile before noise; deleted before the generation counts."""
        key = self.keys.key(Period.day(self.day))
        self._put(self._profile, seal(key, self._profile, _npy(values)))

    def profile(self) -> npt.NDArray[np.int64]:
        """The confidential profile before noise."""
        key = self.keys.existing(Period.day(self.day))
        opened = unseal(key, self._profile, self.objects.get(self._profile))
        values: npt.NDArray[np.int64] = np.load(io.BytesIO(opened), allow_pickle=False)
        return values

    def complete(self) -> tuple[LakeFile, ...]:
        """Delete the profile and list the files, for the catalog."""
        self.objects.delete(self._profile)
        return tuple(sorted(LakeFile(found.key, found.bytes) for found in self._found()))

    def discard(self) -> None:
        """Delete everything of the generation; never of one that counts."""
        self.objects.delete(self._profile)
        for found in self._found():
            self.objects.delete(found.key)

    def _put(self, key: str, content: bytes | memoryview) -> None:
        if not self.objects.put_if_absent(key, content):
            raise StorageUnavailable(
                f"{self.objects.location}/{key} exists: another process ingests {self.day}.",
                "Wait until it ends, then run the command again.",
                "lake.written_twice",
            )

    def _found(self) -> list[ObjectInfo]:
        prefixes = _prefixes(self.objects, [Period.holding(cadence, self.day) for cadence in Cadence])
        return [found for prefix in prefixes for found in self.objects.list(f"{prefix}{self._labels}/")]

    @property
    def _labels(self) -> str:
        return _labels(self.day, self.generation)

    @property
    def _profile(self) -> str:
        return f"staging/days/{self._labels}/profile.npy.sealed"


class DayStore:
    """<table>/[period=]/date=/generation=/bucket=; quarantine/, coverage/ and tables/ by date and generation."""

    def __init__(self, objects: ObjectStore, keys: DataKeys) -> None:
        self.objects = objects
        self.keys = keys

    def new_version(self, day: date, generation: int) -> StagedVersion:
        """An empty generation of a day; removes files that a dead attempt left under the same number."""
        staged = self.staged_version(day, generation)
        staged.discard()
        return staged

    def staged_version(self, day: date, generation: int) -> StagedVersion:
        """A generation of a day as it is in the lake."""
        return StagedVersion(self.objects, self.keys, day, generation)

    def check_files(self, files: list[LakeFile]) -> None:
        """Raise StorageUnavailable if a file is missing or of another size than the catalog says."""
        for file in files:
            size = self.objects.size(file.path)
            if size is None:
                raise lost_or_altered(self.objects.location, file, "is lost")
            if size != file.bytes:
                fault = f"is damaged: it has {size} bytes, not {file.bytes}"
                raise lost_or_altered(self.objects.location, file, fault)

    def rows(self, file: LakeFile) -> pa.Table:
        """The rows of a sealed file. Raises StorageUnavailable if its period's data key does not open it."""
        if file.period is None:
            raise TypeError("only files with rows are sealed")
        key = self.keys.existing(file.period)
        try:
            return table_of(unseal(key, file.path, self.objects.get(file.path)))
        except (MissingObject, DoesNotOpen):
            raise lost_or_altered(
                self.objects.location, file, "does not open: lost, altered, moved, or its data key is another"
            ) from None

    def without(self, file: LakeFile, pseudonyms: npt.NDArray[np.uint64]) -> tuple[int, LakeFile | None]:
        """How many of a file's rows are of these pseudonyms, and the file that has the others; None if none are left.

        Nobody reads the new file before the catalog lists it.
        """
        table = self.rows(file)
        others = np.isin(table["pseudonym"].to_numpy(), pseudonyms, invert=True)
        if others.all() or file.period is None:
            return 0, file
        removed = int((~others).sum())
        if not others.any():
            return removed, None
        path = file.next_path
        sealed = seal(self.keys.existing(file.period), path, parquet(table.filter(pa.array(others))))
        self.objects.put(path, sealed)
        return removed, LakeFile(path, len(sealed))

    def keep_only(self, period: Period, day: date, files: Iterable[LakeFile]) -> None:
        """Delete a day's files under the period's data key, except these: the catalog lists no others."""
        kept = {file.path for file in files}
        for prefix in _prefixes(self.objects, [period]):
            for found in list(self.objects.list(f"{prefix}date={day}/")):
                if "/bucket=" in found.key and found.key not in kept:
                    self.objects.delete(found.key)

    def coverage(self, day: date, generation: int) -> npt.NDArray[np.bool_]:
        """Zones x hours that had a valid cell."""
        covered: npt.NDArray[np.bool_] = np.load(io.BytesIO(self.objects.get(_coverage(day, generation))))
        return covered


def _prefixes(objects: ObjectStore, periods: Iterable[Period]) -> Iterator[str]:
    """Where each table has the rows of a period."""
    for table in objects.folders(""):
        yield from (_of_period(table, period) for period in periods)


def _of_period(table: str, period: Period) -> str:
    return f"{table}/" if period.cadence is Cadence.DAY else f"{table}/period={period}/"


def _labels(day: date, generation: int) -> str:
    return f"date={day}/generation={generation}"


def _coverage(day: date, generation: int) -> str:
    return f"coverage/{_labels(day, generation)}/coverage.npy"


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
