"""Verification of one delivery: its signature first, then names, sizes and checksums of its files."""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tasks.deliverable.verifier.signatures import (
    ASK_ABOUT_THE_KEY,
    KEY_ID,
    Keys,
    is_signed,
    key_id,
    named,
    parse_public_key,
)
from tasks.deliverable.verifier.untrusted import (
    COUNT,
    DIGEST,
    FILE_BYTES,
    NAME,
    PATH,
    REVISION,
    SMALL_BYTES,
    WORD,
    Document,
    UntrustedObjects,
    parse,
    plain_name,
    refuse,
)

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MANIFEST_SHAPE = {
    **{"format": 2, "client": WORD, "product": NAME, "version": REVISION, "cadence": NAME, "period": WORD},
    **{"period_start": re.compile(r"\d{4}-\d\d-\d\d"), "release_id": WORD, "delivery_revision": REVISION},
    "files": [{"path": PATH, "bytes": COUNT, "rows": (COUNT,), "sha256": DIGEST}],
    "reference": re.compile(r"reference/zone_plan=[A-Za-z0-9]{1,64}/content=[0-9a-f]{12}"),
    "schema": {
        "contract": PATH,
        "tables": [{"name": NAME, "path": PATH, "columns": [{"name": WORD, "type": str, "required": bool}]}],
    },
    **{"key_id": KEY_ID, "public_key": str},
}


@dataclass(frozen=True)
class VerifiedDelivery:
    """A delivery that passed verification; `base` is the product's folder below the location: `` or `footfall/v3/`."""

    base: str
    manifest: Document
    manifest_sha256: str
    public_key: bytes

    @property
    def partition(self) -> str:
        """What names the period and the revision in every path."""
        of = self.manifest
        return f"cadence={of['cadence']}/dt={of['period_start']}/revision={of['delivery_revision']}"

    @property
    def documents(self) -> str:
        """The folder of documents, below the product's folder."""
        return f"docs/{self.partition}"

    @property
    def path(self) -> str:
        """The folder of documents, below the client's prefix."""
        return f"{self.manifest['product']}/v{self.manifest['version']}/{self.documents}"

    @property
    def folders(self) -> Collection[str]:
        """The folders of its files, below the location; other deliveries share that of reference data."""
        tables = (f"data/{table['name']}/{self.partition}" for table in self.manifest["schema"]["tables"])
        documents = (self.documents, f"{self.documents}/sql", self.manifest["reference"])
        return {self.base + folder for folder in (*documents, *tables)}

    @property
    def names(self) -> Collection[str]:
        """The names of its files, below the location."""
        listed = [self.base + file["path"] for file in self.manifest["files"]]
        return {*listed, *(f"{self.base}{self.documents}/{name}" for name in (MANIFEST, SIGNATURE))}

    @property
    def rows(self) -> int:
        """Of all tables."""
        rows = {file["path"]: file["rows"] or 0 for file in self.manifest["files"]}
        return sum(rows[table["path"]] for table in self.manifest["schema"]["tables"])


Inspect = Callable[[VerifiedDelivery, Mapping[str, bytes]], None]
"""Further checks of a delivery's files; they are named by their paths below the product's folder."""


def verify_delivery(
    objects: UntrustedObjects, base: str, documents: str, keys: Keys, inspect: Inspect | None = None
) -> VerifiedDelivery:
    """Verify the delivery of a folder of documents; `base`: the product's folder below the location, or empty."""
    name = f"{base}{documents}/{MANIFEST}"
    content = objects.read(name, SMALL_BYTES)
    manifest = parse(content, MANIFEST_SHAPE, plain_name(name), fractions=True)
    public = _check_signature(objects, name, content, manifest, keys)
    delivery = VerifiedDelivery(base, manifest, hashlib.sha256(content).hexdigest(), public)
    if delivery.documents != documents:
        refuse(f"{plain_name(name)} is the manifest of {delivery.documents}.", "delivery.other_place")
    _check_names(objects, delivery, plain_name(name))
    files: dict[str, bytes] = {}
    for file in manifest["files"]:
        read = _checked(objects, base + file["path"], file)
        files |= {file["path"]: read} if inspect else {}
    if inspect:
        inspect(delivery, files)
    return delivery


def _check_signature(objects: UntrustedObjects, name: str, content: bytes, manifest: Document, keys: Keys) -> bytes:
    """The public key that signed the manifest; refused unless it is one of the keys, if there are any."""
    label, signature = plain_name(name), name.removesuffix(MANIFEST) + SIGNATURE
    try:
        public = parse_public_key(manifest["public_key"].encode())
    except ValueError:
        refuse(f"{label} does not carry a readable public key.", "delivery.key_unreadable")
    own = key_id(public)
    if manifest["key_id"] != own:
        refuse(f"{label} names a key id that is not its public key's.", "delivery.key_id_differs")
    if keys and keys.get(own) != public:
        what = f"{label} is signed by key {own}, not by {named(keys)}."
        refuse(what, "delivery.other_key", ASK_ABOUT_THE_KEY)
    if not is_signed(public, content, objects.read(signature, SMALL_BYTES)):
        refuse(
            f"{label} and {plain_name(signature)} do not belong together: one of them was changed.",
            "delivery.signature_invalid",
        )
    return public


def _check_names(objects: UntrustedObjects, delivery: VerifiedDelivery, label: str) -> None:
    """The files that the manifest lists are those that are there; no two differ in case alone."""
    listed = [file["path"] for file in delivery.manifest["files"]]
    expected, folders = set(delivery.names), delivery.folders
    if len({name.lower() for name in expected}) != len(listed) + 2:
        refuse(f"{label} lists a file twice, or itself.", "delivery.manifest_names")
    schema, known = delivery.manifest["schema"], set(listed)
    for needed in (schema["contract"], *(table["path"] for table in schema["tables"])):
        if needed not in known:
            refuse(f"{label} does not list {plain_name(needed)}.", "delivery.manifest_names")
    outside = sorted(name for name in expected if name.rpartition("/")[0] not in folders)
    if outside:
        refuse(f"{label} lists {plain_name(outside[0])}, which is in no folder of its own.", "delivery.manifest_names")
    there = {name for folder in folders for name in objects.below(folder)}
    wrong = [f"{plain_name(name)} is missing" for name in sorted(expected - there)]
    wrong += [f"{plain_name(name)} is not in the manifest" for name in sorted(there - expected)]
    if wrong:
        refuse(f"{'; '.join(wrong[:10])}.", "delivery.files_differ")


def _checked(objects: UntrustedObjects, name: str, file: Document) -> bytes:
    """The file's bytes; refused unless they were signed."""
    label, size = plain_name(name), objects.sizes[name]
    if size != file["bytes"]:
        refuse(f"{label} has {size} bytes where {file['bytes']} were signed.", "delivery.file_altered")
    content = objects.read(name, FILE_BYTES)
    if hashlib.sha256(content).hexdigest() != file["sha256"]:
        refuse(f"{label} is not the file that was signed: its SHA-256 differs.", "delivery.file_altered")
    return content
