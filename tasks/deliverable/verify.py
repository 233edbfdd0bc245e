"""Verification by the client, from the delivery alone: signature, names, sizes, checksums, contract, index.

The signature is checked first. Without a pinned key anyone may have signed, and the verdict says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.deliverable.index import INDEX, Index, IndexPeriod, PeriodState
from tasks.deliverable.manifest import MANIFEST, SIGNATURE
from tasks.deliverable.untrusted_reader import INDEX_BYTES, UntrustedObjects, parse, refuse
from tasks.deliverable.verify_delivery import VerifiedDelivery, verify_delivery
from tasks.errors import shown


@dataclass(frozen=True)
class Verified:
    """All that was verified, and whether by a key that the client pinned."""

    deliveries: tuple[VerifiedDelivery, ...]
    pinned: bool

    @property
    def verdict(self) -> str:
        """The sentence that the command line prints."""
        return "verified with the pinned key" if self.pinned else "consistent; key not pinned"


def verify(sizes: Mapping[str, int], fetch: Callable[[str], bytes], pinned: bytes | None = None) -> Verified:
    """Verify a delivery's folder, or a client's prefix with its index; raises RefusedDelivery naming the fault.

    `sizes`: every object below the location, name -> bytes; `fetch` reads one; `pinned`: raw public key or None.
    """
    objects = UntrustedObjects(sizes, fetch)
    if MANIFEST in sizes or (SIGNATURE in sizes and INDEX not in sizes):
        return Verified((verify_delivery(objects, pinned),), pinned is not None)
    if INDEX in sizes:
        return Verified(_verify_prefix(objects, pinned), pinned is not None)
    refuse(
        f"There is neither {MANIFEST} nor {INDEX} here.",
        "delivery.not_found",
        "Give a delivery's folder, or the prefix that holds the index; a delivery without manifest is not finished.",
    )


def _verify_prefix(objects: UntrustedObjects, pinned: bytes | None) -> tuple[VerifiedDelivery, ...]:
    """Verify the index and all that it names; an object that nothing names is refused."""
    index = parse(objects.read(INDEX, INDEX_BYTES), Index, objects.label(INDEX))
    found: dict[str, VerifiedDelivery] = {}
    for expected in index.periods:
        path = _path(expected)
        if path is None or (expected.state is PeriodState.RECALLED and not objects.below(path).sizes):
            continue
        if path in found:
            refuse(f"{INDEX} names {path} twice.", "index.path_twice")
        found[path] = _named(objects, expected, path, pinned)
        found |= _superseded(objects, found[path], pinned)
    _check_nothing_else(objects, found)
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
    delivery = verify_delivery(objects.below(path), pinned)
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
        if not objects.below(path).sizes:
            break
        delivery = verify_delivery(objects.below(path), pinned)
        if delivery.manifest_sha256 != earlier.manifest_sha256 or delivery.manifest.path != path:
            refuse(f"{path}/manifest.json is not the one that was superseded.", "index.superseded_differs")
        found[path] = delivery
    return found


def _check_nothing_else(objects: UntrustedObjects, found: dict[str, VerifiedDelivery]) -> None:
    strays = sorted(name for name in objects.sizes if name != INDEX and name.rpartition("/")[0] not in found)
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        refuse(f"{objects.label(strays[0])}{more}: {INDEX} names no such delivery.", "index.unnamed_objects")
