"""The lake: days, releases and deliveries over one object store, and who may be counted in each period."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.demographics import Margins
from tasks.errors import StorageUnavailable
from tasks.period import Period
from tasks.store.day_store import KEPT_TABLES, DayStore, StagedVersion
from tasks.store.delivery_store import DeliveryKey, DeliveryStore
from tasks.store.lake_file import LakeFile
from tasks.store.object_store import InstallationPart
from tasks.store.parquet import parquet, table_of
from tasks.store.release_store import ReleaseStore
from tasks.store.seal import DoesNotOpen, seal, unseal

__all__ = ["KEPT_TABLES", "DeliveryKey", "Lake", "LakeFile", "StagedVersion"]

_REGISTERS, _BASIS = b"throng.registers", b"throng.basis"
_OF_PLANS = "confusion", "stay_confusion", "evidence"


@dataclass(frozen=True)
class EligibleList:
    """Who may be counted in a period (pseudonym, age_band, gender, since), and the keyed digest of the registers."""

    table: pa.Table
    registers: str
    basis: str = ""


class ReleasedLake(InstallationPart, ReleaseStore, DeliveryStore):
    """What holds no person's row: releases, deliveries and zone plans. No key is needed to read it."""

    title = "lake"

    def write_plan(self, version: str, geojson: bytes) -> None:
        """Keep a zone plan under its version, which is a digest of its content."""
        self.objects.put_if_absent(f"plans/{version}.geojson", geojson)

    def write_confusion(
        self, zone_plan: str, cell_plan: str, events: pa.Table, stays: pa.Table, evidence: pa.Table
    ) -> None:
        """Keep the confusion matrices of two plans, then the evidence of cells for zones. All are public."""
        for name, table in zip(_OF_PLANS, (events, stays, evidence), strict=True):
            self.objects.put_if_absent(_of_plans(zone_plan, cell_plan, name), parquet(table))

    def confusion(self, zone_plan: str, cell_plan: str) -> pa.Table | None:
        """A kept confusion matrix (model, assigned_zone, true_zone, share); None if it is not there."""
        return self._kept(_of_plans(zone_plan, cell_plan, "confusion"))

    def stay_confusion(self, zone_plan: str, cell_plan: str) -> pa.Table | None:
        """That of stays, in the same columns."""
        return self._kept(_of_plans(zone_plan, cell_plan, "stay_confusion"))

    def evidence(self, zone_plan: str, cell_plan: str) -> pa.Table | None:
        """The kept evidence of cells for zones (cell, zone, weight); None unless both matrices are there too."""
        *matrices, path = (_of_plans(zone_plan, cell_plan, name) for name in _OF_PLANS)
        return self._kept(path) if all(map(self.objects.size, matrices)) else None

    def _kept(self, path: str) -> pa.Table | None:
        return table_of(self.objects.get(path)) if self.objects.size(path) else None

    def write_margins(self, zone_plan: str, margins: Margins) -> None:
        """Keep a census as the newest version of a zone plan's, unless it equals the newest. It is public."""
        known = self.margins(zone_plan)
        if known is None or known.digest != margins.digest:
            version = self._newest_census(zone_plan) + 1
            self.objects.put_if_absent(_census(zone_plan, version), parquet(margins.stored))

    def margins(self, zone_plan: str) -> Margins | None:
        """The newest census of a zone plan; None if none was landed."""
        newest = self._newest_census(zone_plan)
        return Margins.of(table_of(self.objects.get(_census(zone_plan, newest)))) if newest else None

    def _newest_census(self, zone_plan: str) -> int:
        """The number of the newest version; 0 without any."""
        found = self.objects.list(f"plans/{zone_plan}/population/")
        return max((int(each.key.rsplit("/", 1)[1].removesuffix(".parquet")) for each in found), default=0)

    def plan(self, version: str) -> bytes:
        """A kept zone plan's GeoJSON."""
        return self.objects.get(f"plans/{version}.geojson")


class Lake(DayStore, ReleasedLake):
    """Everything at rest; objects are immutable, except a period's list of who may be counted."""

    def write_eligible(self, period: Period, table: pa.Table, registers: str, basis: str = "") -> None:
        """Replace a period's eligible list (pseudonym, age_band, gender, since), with the digest of its registers.

        Readers see the old list or the new one. `basis`: all that the list rests on, and when it was made.
        """
        key, path = self.keys.existing(period), _eligible(period)
        content = parquet(table.replace_schema_metadata({_REGISTERS: registers, _BASIS: basis}))
        self.objects.put(path, seal(key, path, content))

    def eligible(self, period: Period) -> EligibleList:
        """A period's eligible list as last written."""
        key, path = self.keys.existing(period), _eligible(period)
        try:
            table = table_of(unseal(key, path, self.objects.get(path)))
        except DoesNotOpen:
            raise StorageUnavailable(
                f"{self.objects.location}/{path} does not open.",
                "Publish again: it is written anew.",
                "lake.list_damaged",
            ) from None
        registers, basis = (table.schema.metadata.get(name, b"").decode() for name in (_REGISTERS, _BASIS))
        return EligibleList(table.replace_schema_metadata(None), registers, basis)

    def eligible_basis(self, period: Period) -> str:
        """The basis of a period's eligible list; empty if there is no list that opens, or it was changed since."""
        try:
            return self.eligible(period).basis if self.objects.size(_eligible(period)) else ""
        except StorageUnavailable:  # it is written anew
            return ""

    def remove_eligible(self, period: Period, pseudonyms: npt.NDArray[np.uint64]) -> None:
        """Take these pseudonyms off a period's eligible list, if there is one."""
        if self.objects.size(_eligible(period)):
            listed = self.eligible(period)
            others = np.isin(listed.table["pseudonym"].to_numpy(), pseudonyms, invert=True)
            if not others.all():
                self.write_eligible(period, listed.table.filter(pa.array(others)), listed.registers)

    def delete_eligible(self, period: Period) -> None:
        """Delete a period's eligible list; fine if there is none."""
        self.objects.delete(_eligible(period))


def _of_plans(zone_plan: str, cell_plan: str, name: str) -> str:
    return f"plans/{zone_plan}/{cell_plan}/{name}.parquet"


def _census(zone_plan: str, version: int) -> str:
    return f"plans/{zone_plan}/population/{version}.parquet"


def _eligible(period: Period) -> str:
    return f"allowed/period={period}/allowed.sealed"
