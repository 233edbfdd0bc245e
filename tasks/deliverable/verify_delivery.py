"""Verification of one delivery: signature first, then names, sizes, checksums, and the data against its contract."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AliasPath, Field

from tasks.deliverable.contract_check import TableSchema, check_csv, check_parquet, read_contract
from tasks.deliverable.manifest import MANIFEST, SIGNATURE
from tasks.deliverable.paths import partition
from tasks.deliverable.signature import is_signed, key_id, parse_public_key
from tasks.deliverable.untrusted_reader import (
    FILE_BYTES,
    SMALL_BYTES,
    Digest,
    RelativePath,
    UntrustedDocument,
    UntrustedObjects,
    Word,
    parse,
    refuse,
)
from tasks.errors import shown

Revision = Annotated[int, Field(ge=1)]


class ManifestFile(UntrustedDocument):
    """A file as its manifest states it, below the product's folder."""

    path: RelativePath
    bytes: Annotated[int, Field(ge=0, le=FILE_BYTES)]
    rows: Annotated[int, Field(ge=0)] | None
    sha256: Digest


class Superseded(UntrustedDocument):
    """The delivery that this one replaces."""

    delivery_revision: Revision
    manifest_sha256: Digest


class Manifest(UntrustedDocument):
    """The part of a manifest that verification relies on."""

    format: Literal[2]
    product: Word
    version: int
    cadence: Word
    period: Word
    period_start: Word
    release_id: Word
    delivery_revision: Revision
    files: list[ManifestFile]
    reference: Annotated[str, Field(pattern=r"^reference/zone_plan=[A-Za-z0-9]{1,64}/content=[0-9a-f]{12}$")]
    contract: RelativePath = Field(validation_alias=AliasPath("schema", "contract"))
    tables: list[TableSchema] = Field(validation_alias=AliasPath("schema", "tables"), min_length=1)
    supersedes: Superseded | None
    key_id: Word
    public_key: str

    @property
    def product_folder(self) -> str:
        """The product's folder below the client's prefix."""
        return f"{self.product}/v{self.version}"

    @property
    def partition(self) -> str:
        """What names the period and the revision in every path."""
        return partition(self.cadence, self.period_start, self.delivery_revision)

    @property
    def documents(self) -> str:
        """The folder of documents, below the product's folder."""
        return f"docs/{self.partition}"

    @property
    def path(self) -> str:
        """The folder of documents, below the client's prefix."""
        return f"{self.product_folder}/{self.documents}"

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the delivery's files, below the product's folder."""
        return (
            self.documents,
            f"{self.documents}/sql",
            self.reference,
            *(f"data/{table.name}/{self.partition}" for table in self.tables),
        )


@dataclass(frozen=True)
class VerifiedDelivery:
    """A delivery that passed verification."""

    manifest: Manifest
    manifest_sha256: str
    rows: int
    """Of all tables."""


def verify_delivery(objects: UntrustedObjects, documents: str, pinned: bytes | None) -> VerifiedDelivery:
    """Verify the delivery of a folder of documents; `objects` are those below the product's folder."""
    content = objects.read(f"{documents}/{MANIFEST}", SMALL_BYTES)
    label = objects.label(f"{documents}/{MANIFEST}")
    manifest = parse(content, Manifest, label)
    _check_signature(objects.below(documents), content, manifest, pinned)
    if manifest.documents != documents:
        refuse(f"{label} is the manifest of {manifest.documents}.", "delivery.other_place")
    _check_names(objects, manifest, label)
    files = {file.path: _checked(objects, file) for file in manifest.files}
    rows = {file.path: file.rows or 0 for file in manifest.files}
    contract = read_contract(files[manifest.contract], objects.label(manifest.contract))
    for table in manifest.tables:
        if table.name not in contract:
            refuse(f"{objects.label(manifest.contract)} does not describe {table.name}.", "delivery.contract_table")
        label = objects.label(table.path)
        check_parquet(files[table.path], table, contract[table.name], rows[table.path], label)
        text = f"{documents}/{table.name}.csv"
        if text in files:
            check_csv(files[text], table, rows[text], objects.label(text))
    digest = hashlib.sha256(content).hexdigest()
    return VerifiedDelivery(manifest, digest, sum(rows[table.path] for table in manifest.tables))


def _check_signature(objects: UntrustedObjects, content: bytes, manifest: Manifest, pinned: bytes | None) -> None:
    label = objects.label(MANIFEST)
    try:
        public = parse_public_key(manifest.public_key.encode())
    except ValueError:
        refuse(f"{label} does not carry a readable public key.", "delivery.key_unreadable")
    if manifest.key_id != key_id(public):
        refuse(f"{label} names a key id that is not its public key's.", "delivery.key_id_differs")
    if pinned is not None and public != pinned:
        refuse(
            f"{label} is signed by key {key_id(public)}, not by the pinned key {key_id(pinned)}.",
            "delivery.other_key",
            "Do not use it; ask over another channel whether the key was changed.",
        )
    if not is_signed(public, content, objects.read(SIGNATURE, SMALL_BYTES)):
        refuse(
            f"{label} and {objects.label(SIGNATURE)} do not belong together: one of them was changed.",
            "delivery.signature_invalid",
        )


def _check_names(objects: UntrustedObjects, manifest: Manifest, label: str) -> None:
    listed = [file.path for file in manifest.files]
    expected = {*listed, f"{manifest.documents}/{MANIFEST}", f"{manifest.documents}/{SIGNATURE}"}
    if len(expected) != len(listed) + 2:
        refuse(f"{label} lists a file twice, or itself.", "delivery.manifest_names")
    for needed in (manifest.contract, *(table.path for table in manifest.tables)):
        if needed not in listed:
            refuse(f"{label} does not list {shown(needed)}.", "delivery.manifest_names")
    outside = [path for path in listed if path.rpartition("/")[0] not in manifest.folders]
    if outside:
        refuse(f"{label} lists {shown(outside[0])}, which is in no folder of its own.", "delivery.manifest_names")
    there = {name for name in objects.sizes if name.startswith(tuple(f"{folder}/" for folder in manifest.folders))}
    missing, extra = sorted(expected - there), sorted(there - expected)
    if missing or extra:
        words = [f"{objects.label(name)} is missing" for name in missing]
        words += [f"{objects.label(name)} is not in the manifest" for name in extra]
        refuse(f"{'; '.join(words[:10])}.", "delivery.files_differ")


def _checked(objects: UntrustedObjects, file: ManifestFile) -> bytes:
    """The file's bytes; refused unless they were signed."""
    label = objects.label(file.path)
    if objects.sizes[file.path] != file.bytes:
        refuse(f"{label} has {objects.sizes[file.path]} bytes where {file.bytes} were signed.", "delivery.file_altered")
    content = objects.read(file.path, FILE_BYTES)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        refuse(f"{label} is not the file that was signed: its SHA-256 differs.", "delivery.file_altered")
    return content
