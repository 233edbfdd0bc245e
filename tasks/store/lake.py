"""The lake: one private folder with a store each for days, releases and deliveries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import StorageUnavailable
from tasks.period import Period
from tasks.store.atomic_files import remove, remove_abandoned, translate_errors
from tasks.store.day_store import BUCKETS, DayStore, StagedPartition
from tasks.store.delivery_store import DeliveryKey, DeliveryStore
from tasks.store.lake_file import LakeFile
from tasks.store.parquet import parquet, table_of
from tasks.store.release_store import ReleaseStore
from tasks.store.seal import DoesNotOpen, seal, unseal

__all__ = ["BUCKETS", "DeliveryKey", "Lake", "LakeFile", "StagedPartition"]


_REGISTERS = b"throng.registers"


@dataclass(frozen=True)
class EligibleList:
    """Who may be counted in a period (pseudonym, age_band, gender, since), and the keyed digest of the registers."""

    table: pa.Table
    registers: str


class Lake(DayStore, ReleaseStore, DeliveryStore):
    """Everything at rest; files are immutable, except a period's list of who may be counted."""

    def open(self) -> None:
        """Create the folder if it is missing, and remove what ingests left that died long ago."""
        super().open()
        with translate_errors(self.root):
            remove_abandoned(self.root / "staging" / "days")

    def write_eligible(self, period: Period, table: pa.Table, registers: str) -> None:
        """Replace a period's eligible list (pseudonym, age_band, gender, since), with the digest of its registers.

        Readers see the old list or the new one.
        """
        key, path = self.keys.existing_data_key(period), self._allowed(period)
        content = parquet(table.replace_schema_metadata({_REGISTERS: registers}))
        self.put(self.root / path, seal(key, path, content))

    def eligible(self, period: Period) -> EligibleList:
        """A period's eligible list as last written."""
        key, path = self.keys.existing_data_key(period), self._allowed(period)
        with translate_errors(self.root):
            sealed = (self.root / path).read_bytes()
        try:
            table = table_of(unseal(key, path, sealed))
        except DoesNotOpen:
            raise StorageUnavailable(
                f"{self.root / path} does not open.", "Publish again: it is written anew."
            ) from None
        return EligibleList(table.replace_schema_metadata(None), table.schema.metadata[_REGISTERS].decode())

    def remove_eligible(self, period: Period, pseudonyms: npt.NDArray[np.uint64]) -> None:
        """Take these pseudonyms off a period's eligible list, if there is one."""
        if (self.root / self._allowed(period)).exists():
            listed = self.eligible(period)
            others = np.isin(listed.table["pseudonym"].to_numpy(), pseudonyms, invert=True)
            if not others.all():
                self.write_eligible(period, listed.table.filter(pa.array(others)), listed.registers)

    def delete_eligible(self, period: Period) -> None:
        """Delete a period's eligible list; fine if there is none."""
        with translate_errors(self.root):
            remove((self.root / self._allowed(period)).parent)

    def write_plan(self, version: str, geojson: bytes) -> None:
        """Keep a zone plan under its version, which is a digest of its content."""
        self.put_new(self._plan(version), geojson)

    def plan(self, version: str) -> bytes:
        """A kept zone plan's GeoJSON."""
        with translate_errors(self.root):
            return self._plan(version).read_bytes()

    @staticmethod
    def _allowed(period: Period) -> str:
        return f"allowed/period={period}/allowed.sealed"

    def _plan(self, version: str) -> Path:
        return self.root / "plans" / f"{version}.geojson"
