"""Verification by the client: what the single file checks, and then the data against their contract."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tasks.deliverable.contract_check import check_contract
from tasks.deliverable.verifier.index_history import Verified, verify_objects
from tasks.deliverable.verifier.untrusted import Document, UntrustedObjects, VerificationError
from tasks.errors import Misconfigured, RefusedDelivery


def verify(
    sizes: Mapping[str, int],
    fetch: Callable[[str], bytes],
    pinned: bytes | None = None,
    documents: str | None = None,
    seen: Document | None = None,
    sequence: int = 0,
    above: Callable[[], bytes | None] = lambda: None,
) -> Verified:
    """Verify all below a location: every object's bytes by name, and how to read one. Raises RefusedDelivery."""
    with translated():
        return verify_objects(UntrustedObjects(sizes, fetch), pinned, documents, check_contract, seen, sequence, above)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the errors of the single file as our own, with their codes."""
    try:
        yield
    except VerificationError as fault:
        kind = Misconfigured if fault.exit_code == Misconfigured.exit_code else RefusedDelivery
        raise kind(fault.what, fault.action, fault.code) from None
