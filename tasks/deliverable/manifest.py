"""manifest.json: what a delivery holds, how good it is, what it cost in privacy, and by which key it is signed."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pyarrow as pa

from tasks.deliverable.columns import INTERVAL, columns
from tasks.deliverable.renderers.contract import RENDERER as CONTRACT
from tasks.deliverable.renderers.spec import RenderInput
from tasks.deliverable.serialisation import to_json
from tasks.deliverable.signature import key_id, pem
from tasks.deliverable.statements import DERIVED_MECHANISM, MECHANISM, PERMITTED_USE, UNIT
from tasks.deliverable.table import status_counts
from tasks.deliverable.view import DeliveryView, ReleaseView, RowStatus

FORMAT = 1
"""Version of the whole delivery's format; part of what decides whether a delivery is unchanged."""
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"


def delivery_path(product: str, version: int, cadence: str, start: date | str, revision: int) -> str:
    """A delivery's folder below the client's prefix."""
    return f"{product}/v{version}/cadence={cadence}/period_start={start}/revision={revision}"


def instant(time: datetime) -> str:
    """An instant as ISO 8601 in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def manifest(content: RenderInput, files: Mapping[str, bytes]) -> bytes:
    """The manifest of rendered files, in bytes."""
    release, plan, grant, data = content.release, content.plan, content.grant, content.data
    with_rows = {each.file for each in content.renderers if each.has_rows}
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
            **({"inputs": list(release.inputs)} if release.inputs else {}),
            "delivery_revision": content.delivery.revision,
            "supersedes": _superseded(content.delivery),
            "zone_plan_version": plan.version,
            "created_at": instant(release.created_at),
            "files": [
                _file(name, body, data.num_rows if name in with_rows else None) for name, body in sorted(files.items())
            ],
            "schema": _schema(release),
            "privacy": _privacy(release),
            "population": _population(release),
            "quality": _quality(release, data),
            "permitted_use": PERMITTED_USE,
            "key_id": key_id(content.public_key),
            "public_key": pem(content.public_key),
        }
    )


def _superseded(delivery: DeliveryView) -> dict[str, object] | None:
    if delivery.supersedes is None:
        return None
    return {"delivery_revision": delivery.revision - 1, "manifest_sha256": delivery.supersedes}


def _file(name: str, body: bytes, rows: int | None) -> dict[str, object]:
    return {"path": name, "bytes": len(body), "rows": rows, "sha256": hashlib.sha256(body).hexdigest()}


def _schema(release: ReleaseView) -> dict[str, object]:
    return {
        "contract": CONTRACT.file,
        "columns": [{"name": column.name, "type": str(column.type)} for column in columns(release)],
        "additive_over": {level.name: level.additive_columns for level in release.levels},
        "interval": INTERVAL,
    }


def _privacy(release: ReleaseView) -> dict[str, object]:
    return {
        **vars(release.privacy),
        "unit": UNIT,
        "mechanism": DERIVED_MECHANISM if release.inputs else MECHANISM,
        "sigma": {level.name: float(level.sigma) for level in release.levels if level.sigma},
        "bound": {level.name: level.bound for level in release.levels if level.bound},
        "threshold": {level.name: level.threshold for level in release.levels},
    }


def _population(release: ReleaseView) -> dict[str, object]:
    return {
        "basis": release.basis,
        "weighting": release.estimator or "none",
        "panel_size": vars(release.panel) if release.panel else None,
        "panel_size_reason": release.panel_reason or None,
    }


def _quality(release: ReleaseView, data: pa.Table) -> dict[str, object]:
    rows = {level.name: status_counts(data, level.name) for level in release.levels}
    shares = {
        name: round(counts[RowStatus.WITHHELD_SMALL] / sum(counts.values()), 4) if any(counts.values()) else None
        for name, counts in rows.items()
    }
    return {**release.quality, "warnings": list(release.warnings), "rows_by_status": rows, "withheld_share": shares}
