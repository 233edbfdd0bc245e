"""Verification of one delivery: signature first, then names, sizes, checksums, and the data against its contract."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tasks.deliverable.contract_check import check_csv, check_parquet, read_contract
from tasks.deliverable.manifest import MANIFEST, SIGNATURE, delivery_path
from tasks.deliverable.renderers import contract, csv, parquet
from tasks.deliverable.signature import is_signed, key_id, parse_public_key
from tasks.deliverable.untrusted_reader import (
    FILE_BYTES,
    PLAIN_NAME,
    SMALL_BYTES,
    Digest,
    UntrustedDocument,
    UntrustedObjects,
    Word,
    parse,
    refuse,
)

Revision = Annotated[int, Field(ge=1)]

PARQUET, CSV, CONTRACT = parquet.RENDERER.file, csv.RENDERER.file, contract.RENDERER.file


class ManifestFile(UntrustedDocument):
    """A file as its manifest states it."""

    path: Annotated[str, Field(pattern=PLAIN_NAME)]
    bytes: Annotated[int, Field(ge=0, le=FILE_BYTES)]
    rows: Annotated[int, Field(ge=0)] | None
    sha256: Digest


class Superseded(UntrustedDocument):
    """The delivery that this one replaces."""

    delivery_revision: Revision
    manifest_sha256: Digest


class Manifest(UntrustedDocument):
    """The part of a manifest that verification relies on."""

    format: Literal[1]
    product: Word
    version: int
    cadence: Word
    period: Word
    period_start: Word
    release_id: Word
    delivery_revision: Revision
    files: list[ManifestFile]
    supersedes: Superseded | None
    key_id: Word
    public_key: str

    @property
    def path(self) -> str:
        """The folder below the client's prefix where this delivery belongs."""
        return delivery_path(self.product, self.version, self.cadence, self.period_start, self.delivery_revision)


@dataclass(frozen=True)
class VerifiedDelivery:
    """A delivery that passed verification."""

    manifest: Manifest
    manifest_sha256: str

    @property
    def rows(self) -> int:
        """Rows of data.parquet."""
        return next(file.rows or 0 for file in self.manifest.files if file.path == PARQUET)


def verify_delivery(objects: UntrustedObjects, pinned: bytes | None) -> VerifiedDelivery:
    """Verify one delivery."""
    content = objects.read(MANIFEST, SMALL_BYTES)
    manifest = parse(content, Manifest, objects.label(MANIFEST))
    _check_signature(objects, content, manifest, pinned)
    _check_names(objects, manifest)
    files = {file.path: _checked(objects, file) for file in manifest.files}
    rows = {file.path: file.rows or 0 for file in manifest.files}
    table = read_contract(files[CONTRACT], objects.label(CONTRACT))
    check_parquet(files[PARQUET], table, rows[PARQUET], objects.label(PARQUET))
    if CSV in files:
        check_csv(files[CSV], table, rows[CSV], objects.label(CSV))
    return VerifiedDelivery(manifest, hashlib.sha256(content).hexdigest())


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


def _check_names(objects: UntrustedObjects, manifest: Manifest) -> None:
    listed = [file.path for file in manifest.files]
    expected = {*listed, MANIFEST, SIGNATURE}
    if len(expected) != len(listed) + 2:
        refuse(f"{objects.label(MANIFEST)} lists a file twice, or itself.", "delivery.manifest_names")
    for needed in (PARQUET, CONTRACT):
        if needed not in listed:
            refuse(f"{objects.label(MANIFEST)} does not list {needed}.", "delivery.manifest_names")
    missing, extra = sorted(expected - set(objects.sizes)), sorted(set(objects.sizes) - expected)
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
