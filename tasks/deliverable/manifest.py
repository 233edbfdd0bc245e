"""manifest.json: what a delivery holds, how good it is, what it cost in privacy, and by which key it is signed."""

import hashlib
from collections.abc import Iterable
from operator import attrgetter

from tasks.deliverable.changes import FORMAT, granted_facts
from tasks.deliverable.columns import columns, key_columns
from tasks.deliverable.renderers.contract import RENDERER as CONTRACT
from tasks.deliverable.renderers.parquet import RENDERER as PARQUET
from tasks.deliverable.renderers.spec import RenderedFile, RenderInput
from tasks.deliverable.renderers.terms import RENDERER as TERMS
from tasks.deliverable.serialisation import instant, to_json
from tasks.deliverable.signature import pem
from tasks.deliverable.statements import COMPOSITION, DERIVED_MECHANISM, MECHANISM, PERMITTED_USE, UNIT, missing_rows
from tasks.deliverable.table import Tables, expected_lifted, status_counts
from tasks.deliverable.terms import terms_sha256
from tasks.deliverable.verifier.signatures import key_id
from tasks.deliverable.view import DeliveryView, ReleaseView, RowStatus
from tasks.interval import INTERVAL

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"


def manifest(content: RenderInput, files: Iterable[RenderedFile]) -> bytes:
    """The manifest of rendered files, in bytes."""
    release, plan, grant = content.release, content.plan, content.grant
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
            "changes": content.changes.stated(),
            "grant": granted_facts(content),
            "zone_plan_version": plan.version,
            "reference": content.reference,
            "created_at": instant(release.created_at),
            "files": [_file(file) for file in sorted(files, key=attrgetter("path"))],
            "schema": _schema(content),
            "privacy": _privacy(release),
            "population": _population(release),
            "quality": _quality(release, content.tables),
            "permitted_use": PERMITTED_USE,
            "publisher": grant.publisher.model_dump(),
            "terms": {"path": TERMS.path(content), "sha256": terms_sha256(release, grant)},
            "key_id": key_id(content.public_key),
            "public_key": pem(content.public_key),
        }
    )


def _superseded(delivery: DeliveryView) -> dict[str, object] | None:
    if delivery.supersedes is None:
        return None
    return {"delivery_revision": delivery.revision - 1, "manifest_sha256": delivery.supersedes.manifest_sha256}


def _file(file: RenderedFile) -> dict[str, object]:
    digest = hashlib.sha256(file.content).hexdigest()
    return {"path": file.path, "bytes": len(file.content), "rows": file.rows, "sha256": digest}


def _schema(content: RenderInput) -> dict[str, object]:
    release = content.release
    tables = [
        {
            "name": table.name,
            "path": PARQUET.path(content.of(table)),
            "columns": [
                {"name": column.name, "type": str(column.type), "required": column.required}
                for column in columns(release, table)
            ],
            "key": list(key_columns(table)),
            "quantity": {"name": table.quantity.name, "unit": table.quantity.unit},
        }
        for table in release.tables
    ]
    missing = {level.name: missing_rows(level) for level in release.levels if level.missing}
    return {
        "contract": CONTRACT.path(content),
        "tables": tables,
        "additive_over": {level.name: level.additive_columns for level in release.levels},
        "share_within": {level.name: level.share_columns for level in release.levels if level.share_within},
        "interval": INTERVAL,
        **({"missing_rows": missing} if missing else {}),
    }


def _privacy(release: ReleaseView) -> dict[str, object]:
    return {
        **vars(release.privacy),
        "unit": UNIT,
        "composition": COMPOSITION,
        "mechanism": DERIVED_MECHANISM if release.inputs else MECHANISM,
        "sigma": {level.name: float(level.sigma) for level in release.levels if level.sigma},
        "bound": {level.name: level.bound for level in release.levels if level.bound},
        "computed": [level.name for level in release.levels if level.sigma is None],
        "threshold": {level.name: level.threshold for level in release.levels},
    }


def _population(release: ReleaseView) -> dict[str, object]:
    return {
        "basis": release.basis,
        "left_out": [vars(each) for each in release.left_out],
        "weighting": release.estimate.estimator if release.estimate else "none",
        "people": vars(release.estimate) if release.estimate else None,
        "people_missing": release.estimate_missing or None,
        "panel_size": vars(release.panel) if release.panel else None,
        "panel_size_reason": release.panel_reason or None,
    }


def _quality(release: ReleaseView, tables: Tables) -> dict[str, object]:
    rows = {
        level.name: status_counts(tables[table.name], level.name) for table in release.tables for level in table.levels
    }
    shares = {
        name: round(counts[RowStatus.WITHHELD_SMALL] / sum(counts.values()), 4) if any(counts.values()) else None
        for name, counts in rows.items()
    }
    lifted = {
        level.name: expected_lifted(tables[table.name], level)
        for table in release.tables
        for level in table.levels
        if level.threshold
    }
    return {
        **release.quality,
        "expected_lifted": lifted,
        "warnings": list(release.warnings),
        "rows_by_status": rows,
        "withheld_share": shares,
    }
