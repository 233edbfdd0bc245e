"""A delivery in bytes: a pure function of release, grant, zone plan and format version."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.deliverable.changes import FORMAT, Changes
from tasks.deliverable.grant import Granted, granted
from tasks.deliverable.manifest import MANIFEST, SIGNATURE, manifest
from tasks.deliverable.paths import DeliveryPath
from tasks.deliverable.reference import reference_folder
from tasks.deliverable.renderers.registry import chosen
from tasks.deliverable.renderers.spec import RenderedFile, RenderInput
from tasks.deliverable.serialisation import to_compact_json
from tasks.deliverable.signature import public_key, sign
from tasks.deliverable.table import Tables, delivered_tables
from tasks.deliverable.view import DeliveryView, EarlierDelivery, GrantView, ReleaseView, RowStatus, ZonesView


@dataclass(frozen=True)
class Rendered:
    """A delivery: its place, its files in the order of writing (manifest last), its rows.

    `files` are named by their paths below the product's folder.
    """

    path: DeliveryPath
    files: Mapping[str, bytes]
    places: Granted
    tables: Tables
    changes: Changes
    rows: int
    withheld: int

    @property
    def manifest_sha256(self) -> str:
        """The digest by which the index and the next delivery's manifest name this delivery."""
        return hashlib.sha256(self.files[f"{self.path.documents}/{MANIFEST}"]).hexdigest()


def render(
    release: ReleaseView, table: pa.Table, plan: ZonesView, grant: GrantView, delivery: DeliveryView, signing_key: bytes
) -> Rendered:
    """Render a delivery; `table` is the release, `signing_key` a raw Ed25519 private key."""
    places = granted(plan, grant)
    tables = delivered_tables(release, table, plan, places)
    renderers, public = chosen(grant.formats), public_key(signing_key)
    content = RenderInput(release, plan, grant, delivery, places, tables, public, renderers)
    shared = {each.file: each.render(content) for each in renderers if each.below == "reference"}
    content = replace(content, reference=reference_folder(plan.version, shared))
    files = [RenderedFile(f"{content.reference}/{name}", body, None) for name, body in shared.items()]
    files += [file for each in renderers if each.below != "reference" for file in each.files(content)]
    listed, documents = manifest(content, files), content.path.documents
    signed = {f"{documents}/{SIGNATURE}": sign(signing_key, listed), f"{documents}/{MANIFEST}": listed}
    withheld = sum(rows["status"].to_pylist().count(RowStatus.WITHHELD_SMALL) for rows in tables.values())
    by_path = {file.path: file.content for file in files} | signed
    return Rendered(content.path, by_path, places, tables, content.changes, content.rows, withheld)


def earlier_delivery(files: Mapping[str, bytes]) -> EarlierDelivery:
    """A stored delivery as the next one is compared with it."""
    (content,) = (content for path, content in files.items() if path.endswith(f"/{MANIFEST}"))
    stated = json.loads(content)
    tables = {each["name"]: pq.read_table(io.BytesIO(files[each["path"]])) for each in stated["schema"]["tables"]}
    return EarlierDelivery(hashlib.sha256(content).hexdigest(), stated, tables)


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
        "deliver_by": grant.deliver_by,
        "publisher": grant.publisher.model_dump(),
    } | ({"estimate": release.estimate.digest} if release.estimate else {})
    return hashlib.sha256(to_compact_json(inputs)).hexdigest()
