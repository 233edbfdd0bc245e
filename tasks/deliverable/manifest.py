"""manifest.json: what a delivery holds, how good it is, what it cost in privacy, and by which key it is signed."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.columns import INTERVAL, columns
from tasks.deliverable.contract import PERMITTED_USE
from tasks.deliverable.serialisation import to_json
from tasks.deliverable.signature import key_id, pem
from tasks.deliverable.view import DeliveryView, GrantView, PanelView, ReleaseView, RowStatus, ZonesView

FORMAT = 1
"""Version of the whole delivery's format; part of what decides whether a delivery is unchanged."""
MANIFEST, SIGNATURE, PARQUET, CSV = "manifest.json", "manifest.sig", "data.parquet", "data.csv"
CONTRACT, ZONES, README = "contract.yaml", "zones.geojson", "README.md"

UNIT = "everything of one subscriber (one SIM) in one calendar month"
MECHANISM = (
    "counts over keys known beforehand, each subscriber's share bounded in L2, plus discrete Gaussian noise "
    "(rho-zCDP); levels reconciled by least squares; small noisy values withheld"
)
BASIS = "subscribers of this network, of age, who opted in and had not withdrawn"


def delivery_path(product: str, version: int, cadence: str, start: date, revision: int) -> str:
    """A delivery's folder below the client's prefix."""
    return f"{product}/v{version}/cadence={cadence}/period_start={start.isoformat()}/revision={revision}"


def instant(time: datetime) -> str:
    """An instant as ISO 8601 in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def manifest(
    release: ReleaseView,
    plan: ZonesView,
    grant: GrantView,
    delivery: DeliveryView,
    data: pa.Table,
    files: Mapping[str, bytes],
    public: bytes,
) -> bytes:
    """The manifest of rendered files, in bytes."""
    period = release.period
    return to_json(
        {
            "format": FORMAT,
            "client": grant.client,
            "contact": grant.contact,
            "product": release.product,
            "version": release.version,
            "cadence": period.cadence.value,
            "period": str(period),
            "period_start": period.first.isoformat(),
            "period_end": period.end.isoformat(),
            "timezone": release.timezone,
            "release_id": release.id,
            "release_revision": release.revision,
            "delivery_revision": delivery.revision,
            "supersedes": _superseded(delivery),
            "zone_plan_version": plan.version,
            "created_at": instant(release.created_at),
            "files": [_file(name, content, data.num_rows) for name, content in sorted(files.items())],
            "schema": _schema(release),
            "privacy": _privacy(release),
            "population": _population(release),
            "quality": _quality(release, data),
            "permitted_use": PERMITTED_USE,
            "key_id": key_id(public),
            "public_key": pem(public),
        }
    )


def status_counts(data: pa.Table, level: str) -> dict[str, int]:
    """Rows of a level of a delivery by status."""
    statuses = data.filter(pc.equal(data["level"], level))["status"].value_counts().to_pylist()
    return {status.value: 0 for status in RowStatus} | {seen["values"]: seen["counts"] for seen in statuses}


def _superseded(delivery: DeliveryView) -> dict[str, object] | None:
    if delivery.supersedes is None:
        return None
    return {"delivery_revision": delivery.revision - 1, "manifest_sha256": delivery.supersedes}


def _file(name: str, content: bytes, rows: int) -> dict[str, object]:
    return {
        "path": name,
        "bytes": len(content),
        "rows": rows if name in (PARQUET, CSV) else None,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _schema(release: ReleaseView) -> dict[str, object]:
    return {
        "contract": CONTRACT,
        "columns": [{"name": column.name, "type": str(column.type)} for column in columns(release)],
        "additive_over": {level.name: level.additive_columns for level in release.levels},
        "interval": INTERVAL,
    }


def _privacy(release: ReleaseView) -> dict[str, object]:
    privacy = release.privacy
    return {
        "unit": UNIT,
        "mechanism": MECHANISM,
        "rho": privacy.rho,
        "epsilon": privacy.epsilon,
        "delta": privacy.delta,
        "sigma": {level.name: float(level.sigma) for level in release.levels},
        "bound": {level.name: level.bound for level in release.levels},
        "threshold": {level.name: level.threshold for level in release.levels},
        "month_cap_rho": privacy.month_cap_rho,
        "month_cap_epsilon": privacy.month_cap_epsilon,
        "policy": privacy.policy_name,
        "policy_digest": privacy.policy_digest,
    }


def _population(release: ReleaseView) -> dict[str, object]:
    return {
        "basis": BASIS,
        "weighting": "none",
        "panel_size": _panel(release.panel) if release.panel else None,
        "panel_size_reason": release.panel_reason or None,
    }


def _panel(panel: PanelView) -> dict[str, object]:
    return {"month": panel.month, "value": panel.size, "se": panel.se, "low": panel.low, "high": panel.high}


def _quality(release: ReleaseView, data: pa.Table) -> dict[str, object]:
    rows = {level.name: status_counts(data, level.name) for level in release.levels}
    shares = {
        name: round(counts[RowStatus.WITHHELD_SMALL] / sum(counts.values()), 4) if any(counts.values()) else None
        for name, counts in rows.items()
    }
    return {
        **release.quality,
        "warnings": list(release.warnings),
        "rows_by_status": rows,
        "withheld_share": shares,
    }
