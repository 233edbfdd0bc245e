"""Days in the lake: built in staging, moved into place whole, read by the files that the catalog lists.

Files with rows of persons are sealed under the data key of their period. Quarantine (file, row, reason) and coverage
(zones x hours) hold no person's row: they are plain.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.mobility.tables import LakeTable
from tasks.period import Cadence, Period
from tasks.store import usage
from tasks.store.atomic_files import AtomicFiles, make_folder, remove, sync, translate_errors, write_file
from tasks.store.keys import DataKeys
from tasks.store.lake_file import LakeFile, lost, lost_or_altered
from tasks.store.parquet import parquet, table_of
from tasks.store.seal import DoesNotOpen, seal, unseal

BUCKETS = 64
"""Buckets of a generation: the top six bits of the pseudonym stored in its rows."""
FIRST_PART = "part-1.sealed"
_PROFILE = "profile.npy.sealed"


@dataclass(frozen=True)
class StagedPartition:
    """A generation of a day that nobody reads yet; workers write its buckets at the same time."""

    root: Path
    keys: DataKeys
    day: date
    generation: int

    @property
    def staging(self) -> Path:
        """Where the partition is built."""
        return self.root / "staging" / "days" / f"date={self.day}" / f"generation={self.generation}"

    def write(self, table: LakeTable, partition: int, rows: pa.Table) -> None:
        """One partition of a table, sealed under the data key of its period."""
        period = Period.holding(table.pseudonym, self.day)
        part = table.name if table.pseudonym is Cadence.DAY else f"{table.name}/period={period}"
        name = f"bucket={partition:02d}/{FIRST_PART}"
        path = f"{part}/{_labels(self.day, self.generation)}/{name}"
        self._write(f"{part}/{name}", seal(self.keys.data_key(period), path, parquet(rows)))

    def write_quarantine(self, table: pa.Table) -> None:
        """Rows set aside: file, row, reason; never a value."""
        self._write("quarantine/quarantine.parquet", parquet(table))

    def write_coverage(self, covered: npt.NDArray[np.bool_]) -> None:
        """Zones x hours that had a valid cell."""
        self._write("coverage/coverage.npy", _npy(covered))

    def write_profile(self, values: npt.NDArray[np.int64]) -> None:
        """The confidential profile before noise; it stays in staging and goes with it."""
        key = self.keys.data_key(Period.day(self.day))
        self._write(_PROFILE, seal(key, self._profile_path, _npy(values)))

    def profile(self) -> npt.NDArray[np.int64]:
        """The confidential profile before noise."""
        with translate_errors(self.root):
            sealed = (self.staging / _PROFILE).read_bytes()
        opened = unseal(self.keys.existing_data_key(Period.day(self.day)), self._profile_path, sealed)
        values: npt.NDArray[np.int64] = np.load(io.BytesIO(opened), allow_pickle=False)
        return values

    @property
    def _profile_path(self) -> str:
        return (self.staging / _PROFILE).relative_to(self.root).as_posix()

    def _write(self, name: str, content: bytes | memoryview) -> None:
        path = self.staging / name
        make_folder(path.parent)
        with translate_errors(self.root):
            write_file(path, content)


class DayStore(AtomicFiles):
    """presence/, week_state/, month_state/, quarantine/, coverage/ by date and generation."""

    def __init__(self, root: Path, keys: DataKeys) -> None:
        super().__init__(root)
        self.keys = keys

    def new_partition(self, day: date, generation: int) -> StagedPartition:
        """An empty partition; removes what a dead attempt left of the day."""
        staged = self.staged_partition(day, generation)
        self.discard(staged)
        make_folder(staged.staging)
        return staged

    def staged_partition(self, day: date, generation: int) -> StagedPartition:
        """A partition that is in staging."""
        return StagedPartition(self.root, self.keys, day, generation)

    def commit(self, staged: StagedPartition) -> tuple[LakeFile, ...]:
        """Move every part into place and list the files; killed halfway and called again, it moves the rest."""
        for part in _parts(staged.staging):
            target = self.root / part.relative_to(staged.staging) / _labels(staged.day, staged.generation)
            make_folder(target.parent)
            with translate_errors(self.root):
                part.rename(target)
                sync(target.parent)
        with translate_errors(self.root):
            remove(staged.staging.parent)
            listed = tuple(self._files(staged.day, staged.generation))
        usage.add_written(sum(file.bytes for file in listed))
        return listed

    def discard(self, staged: StagedPartition) -> None:
        """Remove a partition from staging, and what a commit that died has moved; never call it for a current one."""
        with translate_errors(self.root):
            for moved in self._folders(staged.day, staged.generation):
                remove(moved)
            remove(staged.staging.parent)

    def check_files(self, files: list[LakeFile]) -> None:
        """Raise StorageUnavailable if a file is lost or cut off; a size says so without reading it."""
        for file, fault in lost(self.root, files):
            raise lost_or_altered(self.root, file, fault)

    def rows(self, file: LakeFile) -> pa.Table:
        """The rows of a sealed file; raises StorageUnavailable where it does not open under its period's data key."""
        if file.period is None:
            raise TypeError("only files with rows are sealed")
        key = self.keys.existing_data_key(file.period)
        with translate_errors(self.root):
            path = self.root / file.path
            sealed = path.read_bytes() if path.exists() else b""
        usage.add_read(len(sealed))
        try:
            return table_of(unseal(key, file.path, sealed))
        except DoesNotOpen:
            raise lost_or_altered(
                self.root, file, "does not open: altered, moved, or its data key is another"
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
        sealed = seal(self.keys.existing_data_key(file.period), path, parquet(table.filter(pa.array(others))))
        self.put(self.root / path, sealed)
        return removed, LakeFile(path, len(sealed))

    def keep_only(self, period: Period, day: date, files: Iterable[LakeFile]) -> None:
        """Of a day's files under the period's data key keep these alone: no others are listed, nobody reads them."""
        part = "presence" if period.cadence is Cadence.DAY else f"{period.cadence}_state/period={period}"
        names = {self.root / file.path for file in files}
        with translate_errors(self.root):
            for path in (self.root / part / f"date={day}").glob("generation=*/bucket=*/part-*"):
                if path not in names:
                    remove(path)

    def coverage(self, day: date, generation: int) -> npt.NDArray[np.bool_]:
        """Zones x hours that had a valid cell."""
        path = self.root / "coverage" / _labels(day, generation) / "coverage.npy"
        with translate_errors(path.parent):
            covered: npt.NDArray[Any] = np.load(path, allow_pickle=False)
        return covered

    def _folders(self, day: date, generation: int) -> list[Path]:
        places = (f"{parts}/{_labels(day, generation)}" for parts in ("*", "*_state/*"))
        return sorted(folder for place in places for folder in self.root.glob(place))

    def _files(self, day: date, generation: int) -> list[LakeFile]:
        found = (file for folder in self._folders(day, generation) for file in folder.rglob("*") if file.is_file())
        return sorted(LakeFile(file.relative_to(self.root).as_posix(), file.stat().st_size) for file in found)


def _labels(day: date, generation: int) -> str:
    return f"date={day}/generation={generation}"


def _parts(staging: Path) -> list[Path]:
    """The folders of a partition that have a place of their own in the lake."""
    if not staging.is_dir():
        return []
    folders = [entry for entry in staging.iterdir() if entry.is_dir()]
    states = [entry for folder in folders if folder.name.endswith("_state") for entry in folder.iterdir()]
    return [folder for folder in folders if not folder.name.endswith("_state")] + states


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
