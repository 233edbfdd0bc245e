"""A delivery in bytes: a pure function of release, grant, zone plan and format version."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from tasks.deliverable.grant import Granted, granted
from tasks.deliverable.manifest import FORMAT, MANIFEST, SIGNATURE, delivery_path, manifest
from tasks.deliverable.renderers.registry import chosen
from tasks.deliverable.renderers.spec import RenderInput
from tasks.deliverable.serialisation import to_compact_json
from tasks.deliverable.signature import public_key, sign
from tasks.deliverable.table import deliverable_table
from tasks.deliverable.view import DeliveryView, GrantView, ReleaseView, RowStatus, ZonesView


@dataclass(frozen=True)
class Rendered:
    """A delivery: its folder below the client's prefix, its files in the order of writing (manifest last), its rows."""

    path: str
    files: Mapping[str, bytes]
    places: Granted
    data: pa.Table
    rows: int
    withheld: int

    @property
    def manifest_sha256(self) -> str:
        """The digest by which the index and the next delivery's manifest name this delivery."""
        return hashlib.sha256(self.files[MANIFEST]).hexdigest()


def render(
    release: ReleaseView, table: pa.Table, plan: ZonesView, grant: GrantView, delivery: DeliveryView, signing_key: bytes
) -> Rendered:
    """Render a delivery; `table` is the release, `signing_key` a raw Ed25519 private key."""
    places = granted(plan, grant)
    data = deliverable_table(release, table, plan, places)
    renderers, public = chosen(grant.formats), public_key(signing_key)
    content = RenderInput(release, plan, grant, delivery, places, data, public, renderers)
    files = {each.file: each.render(content) for each in renderers}
    listed = manifest(content, files)
    files |= {SIGNATURE: sign(signing_key, listed), MANIFEST: listed}
    path = (release.product, release.version, release.period.cadence.value, release.period.first, delivery.revision)
    withheld = data["status"].to_pylist().count(RowStatus.WITHHELD_SMALL)
    return Rendered(delivery_path(*path), files, places, data, data.num_rows, withheld)


def inputs_digest(release: ReleaseView, plan: ZonesView, grant: GrantView) -> str:
    """SHA-256 of what decides a delivery's content. While it is equal, the stored bytes are sent.

    Other facts of a release (panel size, warnings, the month's cap) are those of its first delivery.
    """
    inputs = {
        "format": FORMAT,
        "release": [release.id, release.sha256],
        "zone_plan": plan.version,
        "client": [grant.client, grant.contact],
        "zones": granted(plan, grant).zones,
        "formats": sorted({"parquet", *grant.formats}),
    } | ({"estimator": release.estimator} if release.estimator else {})
    return hashlib.sha256(to_compact_json(inputs)).hexdigest()
