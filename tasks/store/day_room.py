"""Days in the lake: built in staging, moved into place whole, read by the generation that the catalog names."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import StorageUnavailable
from tasks.period import Cadence, Period
from tasks.store import meter
from tasks.store.parquet import parquet, read_table
from tasks.store.room import Room, make_folder, on_disk, remove, sync, write_file

BUCKETS = 64
"""Buckets of a generation: the top six bits of the pseudonym stored in its rows."""


@dataclass(frozen=True)
class Candidate:
    """A generation of a day that nobody reads yet; workers write its buckets at the same time."""

    root: Path
    day: date
    generation: int

    @property
    def staging(self) -> Path:
        """Where the candidate is built."""
        return self.root / "staging" / "days" / f"date={self.day}" / f"generation={self.generation}"

    def write_presence(self, bucket: int, table: pa.Table) -> None:
        """Rows (pseudonym, hour, zone) of one bucket, sorted by pseudonym and hour."""
        self._write_bucket("presence", bucket, table)

    def write_state(self, cadence: Cadence, period: Period, bucket: int, table: pa.Table) -> None:
        """The day's part of a week's or month's state, one bucket, under the period's own pseudonyms."""
        self._write_bucket(f"{cadence}_state/period={period}", bucket, table)

    def write_quarantine(self, table: pa.Table) -> None:
        """Rows set aside: file, row, reason; never a value."""
        self._write("quarantine/quarantine.parquet", parquet(table))

    def write_coverage(self, covered: npt.NDArray[np.bool_]) -> None:
        """Zones x hours that had a valid cell."""
        self._write("coverage/coverage.npy", _npy(covered))

    def write_profile(self, values: npt.NDArray[np.int64]) -> None:
        """The confidential profile before noise; it stays in staging and goes with it."""
        self._write("profile.npy", _npy(values))

    def profile(self) -> npt.NDArray[np.int64]:
        """The confidential profile before noise."""
        values: npt.NDArray[np.int64] = _load(self.staging / "profile.npy")
        return values

    def _write_bucket(self, part: str, bucket: int, table: pa.Table) -> None:
        self._write(f"{part}/bucket={bucket:02d}/part.parquet", parquet(table))

    def _write(self, name: str, content: bytes | memoryview) -> None:
        path = self.staging / name
        make_folder(path.parent)
        with on_disk(self.root):
            write_file(path, content)


class DayRoom(Room):
    """presence/, week_state/, month_state/, quarantine/, coverage/ by date and generation."""

    def candidate(self, day: date, generation: int) -> Candidate:
        """An empty candidate; whatever an attempt that died has left of this day's candidates is removed."""
        candidate = Candidate(self.root, day, generation)
        self.discard(candidate)
        make_folder(candidate.staging / "presence")
        return candidate

    def commit(self, candidate: Candidate) -> None:
        """Move every part into place; killed halfway and called again, it moves the rest."""
        for part in _parts(candidate.staging):
            target = self._place(part.relative_to(candidate.staging), candidate.day, candidate.generation)
            make_folder(target.parent)
            with on_disk(self.root):
                size = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
                part.rename(target)
                meter.wrote(size)
                sync(target.parent)
        with on_disk(self.root):
            remove(candidate.staging.parent)

    def discard(self, candidate: Candidate) -> None:
        """Remove a candidate from staging, and what a commit that died has moved; never call it for a current one."""
        with on_disk(self.root):
            for parts in ("*", "*_state/*"):
                for moved in self.root.glob(f"{parts}/date={candidate.day}/generation={candidate.generation}"):
                    remove(moved)
            remove(candidate.staging.parent)

    def presence(self, day: date, generation: int) -> Iterator[tuple[int, pa.Table]]:
        """Bucket and rows (pseudonym, hour, zone), bucket by bucket, ascending; buckets without rows may be missing."""
        self._check_present(day, generation)
        for bucket in range(BUCKETS):
            if (table := self._bucket(Path("presence"), day, generation, bucket)) is not None:
                yield bucket, table

    def states(
        self, cadence: Cadence, period: Period, bucket: int, generations: Mapping[date, int]
    ) -> Iterator[pa.Table]:
        """One bucket of a period's state, a table a day, by date."""
        part = Path(f"{cadence}_state") / f"period={period}"
        for day, generation in sorted(generations.items()):
            self._check_present(day, generation)
            if (table := self._bucket(part, day, generation, bucket)) is not None:
                yield table

    def coverage(self, day: date, generation: int) -> npt.NDArray[np.bool_]:
        """Zones x hours that had a valid cell."""
        covered: npt.NDArray[np.bool_] = _load(self._place(Path("coverage"), day, generation) / "coverage.npy")
        return covered

    def _bucket(self, part: Path, day: date, generation: int, bucket: int) -> pa.Table | None:
        path = self._place(part, day, generation) / f"bucket={bucket:02d}" / "part.parquet"
        return read_table(path) if path.exists() else None

    def _check_present(self, day: date, generation: int) -> None:
        """Every generation has its presence folder, with or without rows: a missing one is a loss, not an empty day."""
        folder = self._place(Path("presence"), day, generation)
        if not folder.is_dir():
            raise StorageUnavailable(f"{folder} is missing in the lake.", f"Restore it, or mend THRONG_LAKE ({day}).")

    def _place(self, part: Path, day: date, generation: int) -> Path:
        return self.root / part / f"date={day}" / f"generation={generation}"


def _parts(staging: Path) -> list[Path]:
    """The folders of a candidate that have a place of their own in the lake."""
    if not staging.is_dir():
        return []
    folders = [entry for entry in staging.iterdir() if entry.is_dir()]
    states = [entry for folder in folders if folder.name.endswith("_state") for entry in folder.iterdir()]
    return [folder for folder in folders if not folder.name.endswith("_state")] + states


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _load(path: Path) -> npt.NDArray[Any]:
    with on_disk(path.parent):
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    return array
