"""Verification by the client, from the delivery alone: signature, names, sizes, checksums, contract, index.

The signature is checked first. Without a pinned key anyone may have signed, and the verdict says so.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tasks.deliverable.index import INDEX, Index, IndexPeriod, PeriodState
from tasks.deliverable.untrusted_reader import INDEX_BYTES, UntrustedObjects, parse, refuse
from tasks.deliverable.verify_delivery import VerifiedDelivery, verify_delivery
from tasks.errors import shown

DOCUMENTS = re.compile(r"docs/cadence=[^/]+/dt=[^/]+/revision=[^/]+(?=/)")
"""The folder of a delivery's documents, below the product's folder."""


@dataclass(frozen=True)
class Verified:
    """All that was verified, and whether by a key that the client pinned."""

    deliveries: tuple[VerifiedDelivery, ...]
    pinned: bool

    @property
    def verdict(self) -> str:
        """The sentence that the command line prints."""
        return "verified with the pinned key" if self.pinned else "consistent; key not pinned"


def verify(
    sizes: Mapping[str, int], fetch: Callable[[str], bytes], pinned: bytes | None = None, documents: str | None = None
) -> Verified:
    """Verify a client's prefix with its index, or the deliveries of a product's folder: all, or the one given.

    `sizes`: every object below the location, name -> bytes; `fetch` reads one; `pinned`: raw public key or None;
    `documents`: a delivery's folder of documents. Raises RefusedDelivery naming the fault.
    """
    objects = UntrustedObjects(sizes, fetch)
    if documents is not None:
        return Verified((verify_delivery(objects, documents, pinned),), pinned is not None)
    if INDEX in sizes:
        return Verified(_verify_prefix(objects, pinned), pinned is not None)
    found = sorted({match[0] for match in map(DOCUMENTS.match, sizes) if match})
    if not found:
        refuse(
            f"There is neither {INDEX} nor a delivery here.",
            "delivery.not_found",
            "Give a delivery's folder of documents, a product's folder, or the prefix that holds the index.",
        )
    deliveries = tuple(verify_delivery(objects, folder, pinned) for folder in found)
    _check_nothing_else(objects, [folder for delivery in deliveries for folder in delivery.manifest.folders])
    return Verified(deliveries, pinned is not None)


def _verify_prefix(objects: UntrustedObjects, pinned: bytes | None) -> tuple[VerifiedDelivery, ...]:
    """Verify the index and all that it names; an object that nothing names is refused."""
    index = parse(objects.read(INDEX, INDEX_BYTES), Index, objects.label(INDEX))
    found: dict[str, VerifiedDelivery] = {}
    for expected in index.periods:
        path = _path(expected)
        if path is None or (expected.state is PeriodState.RECALLED and not _is_there(objects, path)):
            continue
        if path in found:
            refuse(f"{INDEX} names {path} twice.", "index.path_twice")
        found[path] = _named(objects, expected, path, pinned)
        found |= _superseded(objects, found[path], pinned)
    _check_nothing_else(
        objects, [f"{d.manifest.product_folder}/{f}" for d in found.values() for f in d.manifest.folders]
    )
    return tuple(found.values())


def _path(expected: IndexPeriod) -> str | None:
    """The delivery's path, which delivered periods have and recalled ones may have."""
    given = (expected.path is not None) + (expected.digest is not None)
    if given not in {PeriodState.DELIVERED: (2,), PeriodState.RECALLED: (0, 2)}.get(expected.state, (0,)):
        refuse(
            f"{INDEX} states {shown(expected.period)} as {expected.state.value} with the wrong path or digest.",
            "index.contradiction",
        )
    return expected.path


def _named(objects: UntrustedObjects, expected: IndexPeriod, path: str, pinned: bytes | None) -> VerifiedDelivery:
    delivery = _at(objects, path, pinned)
    manifest = delivery.manifest
    if delivery.manifest_sha256 != expected.digest:
        refuse(f"{path}/manifest.json is not the one that {INDEX} names: its SHA-256 differs.", "index.digest_differs")
    stated, signed = (expected.product, expected.version, expected.period), (manifest.product, manifest.version)
    if manifest.path != path or stated != (*signed, manifest.period):
        refuse(
            f"{path} holds the delivery of another period, product or revision than {INDEX} says.",
            "index.other_delivery",
        )
    return delivery


def _superseded(
    objects: UntrustedObjects, delivery: VerifiedDelivery, pinned: bytes | None
) -> dict[str, VerifiedDelivery]:
    """Earlier deliveries of the period that are still there; each is named by its successor's manifest."""
    found: dict[str, VerifiedDelivery] = {}
    while earlier := delivery.manifest.supersedes:
        folder = delivery.manifest.path.rpartition("=")[0]
        path = f"{folder}={earlier.delivery_revision}"
        if earlier.delivery_revision >= delivery.manifest.delivery_revision:
            refuse(f"{delivery.manifest.path}/manifest.json supersedes a later delivery.", "index.supersedes_later")
        if not _is_there(objects, path):
            break
        delivery = _at(objects, path, pinned)
        if delivery.manifest_sha256 != earlier.manifest_sha256 or delivery.manifest.path != path:
            refuse(f"{path}/manifest.json is not the one that was superseded.", "index.superseded_differs")
        found[path] = delivery
    return found


def _at(objects: UntrustedObjects, path: str, pinned: bytes | None) -> VerifiedDelivery:
    """The delivery whose documents are at a path below the client's prefix."""
    product, found, documents = path.partition("/docs/")
    if not found:
        refuse(f"{INDEX} names {shown(path)}, which is no delivery's folder.", "index.path_shape")
    return verify_delivery(objects.below(product), f"docs/{documents}", pinned)


def _is_there(objects: UntrustedObjects, path: str) -> bool:
    return any(name.startswith(f"{path}/") for name in objects.sizes)


def _check_nothing_else(objects: UntrustedObjects, folders: Collection[str]) -> None:
    """Refuse objects that are in no folder of a verified delivery."""
    strays = sorted(name for name in objects.sizes if name != INDEX and name.rpartition("/")[0] not in set(folders))
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        refuse(f"{objects.label(strays[0])}{more}: no verified delivery holds it.", "index.unnamed_objects")
