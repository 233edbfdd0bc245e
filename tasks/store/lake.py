"""The lake: one folder, ours alone; days, releases and deliveries each have a room in it."""

from pathlib import Path

import pyarrow as pa

from tasks.period import Period
from tasks.store.day_room import BUCKETS, Candidate, DayRoom
from tasks.store.delivery_room import DeliveryKey, DeliveryRoom
from tasks.store.parquet import parquet, read_table
from tasks.store.release_room import ReleaseRoom, StoredRelease
from tasks.store.room import on_disk, remove_abandoned

__all__ = ["BUCKETS", "Candidate", "DeliveryKey", "Lake", "StoredRelease"]


class Lake(DayRoom, ReleaseRoom, DeliveryRoom):
    """Everything at rest; files are immutable, except a period's list of who may be counted."""

    def open(self) -> None:
        """Create the folder if it is missing, and remove what ingests left that died long ago."""
        super().open()
        with on_disk(self.root):
            remove_abandoned(self.root / "staging" / "days")

    def write_allowed(self, period: Period, table: pa.Table) -> None:
        """Replace a period's allowed list (pseudonym, age_band, gender); readers see the old one or the new one."""
        self.put(self._allowed(period), parquet(table))

    def allowed(self, period: Period) -> pa.Table:
        """A period's allowed list as last written."""
        return read_table(self._allowed(period))

    def write_plan(self, version: str, geojson: bytes) -> None:
        """Keep a zone plan under its version, which is a digest of its content."""
        self.put_new(self._plan(version), geojson)

    def plan(self, version: str) -> bytes:
        """A kept zone plan's GeoJSON."""
        with on_disk(self.root):
            return self._plan(version).read_bytes()

    def _allowed(self, period: Period) -> Path:
        return self.root / "allowed" / f"period={period}" / "allowed.parquet"

    def _plan(self, version: str) -> Path:
        return self.root / "plans" / f"{version}.geojson"
