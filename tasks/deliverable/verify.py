"""Verification by the client, from the delivery alone: signature, names, sizes, checksums, contract, index.

The signature is checked first. Without a pinned key anyone may have signed, and the verdict says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.deliverable.index import INDEX
from tasks.deliverable.manifest import MANIFEST, SIGNATURE
from tasks.deliverable.untrusted_reader import UntrustedObjects, refuse
from tasks.deliverable.verify_delivery import VerifiedDelivery, verify_delivery
from tasks.deliverable.verify_prefix import verify_prefix


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
        return Verified(verify_prefix(objects, pinned), pinned is not None)
    refuse(
        f"There is neither {MANIFEST} nor {INDEX} here.",
        "delivery.not_found",
        "Give a delivery's folder, or the prefix that holds the index; a delivery without manifest is not finished.",
    )
