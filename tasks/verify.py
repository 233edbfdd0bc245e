"""verify(location): a client checks what it received. Needs no database and no home, only the reader's credentials."""

from functools import partial
from pathlib import Path

from tasks.deliverable.verifier.index_history import Verified, check_recipient
from tasks.deliverable.verifier.key_chain import KEYS
from tasks.deliverable.verifier.location import (
    folder_objects,
    keys_above,
    pinned_key,
    prefix_of,
    read_state,
    split_location,
    write_state,
)
from tasks.deliverable.verifier.untrusted import SMALL_BYTES, UntrustedObjects, plain_name
from tasks.deliverable.verify import translated, verify
from tasks.errors import RefusedDelivery, StorageUnavailable


class Verify:
    """Verify a delivery, or all below an index, in a folder or at an s3:// address."""

    def __call__(
        self,
        location: str,
        public_key: Path | None = None,
        state: Path | None = None,
        sequence: int = 0,
        client: str | None = None,
    ) -> Verified:
        """Raise RefusedDelivery naming the fault; `public_key` is a file with the key from another channel.

        `state`: the file that remembers what was verified; `sequence`: the least that the index may have; `client`:
        to whom all must have been delivered.
        """
        try:
            with translated():
                return _verified(location, public_key, state, sequence, client)
        except OSError as error:
            raise StorageUnavailable(
                f"{plain_name(str(error.filename))} cannot be read: {error.strerror}.",
                "Make it readable, verify again.",
                "delivery.unreadable",
            ) from None


def _verified(
    location: str, public_key: Path | None, state: Path | None, sequence: int, client: str | None
) -> Verified:
    root, documents = split_location(location)
    pinned, seen = pinned_key(public_key) if public_key else None, read_state(state, root) if state else None
    objects = _bucket(root) if "://" in root else folder_objects(Path(root))
    above = partial(_keys_above if "://" in root else keys_above, root)
    verified = verify(objects.sizes, objects.fetch, pinned, documents, seen, sequence, above)
    if client is not None:
        check_recipient(verified, client)
    if state:
        write_state(state, verified)
    return verified


def _bucket(location: str) -> UntrustedObjects:
    from tasks import settings
    from tasks.store.buckets import Buckets

    bucket = Buckets(settings.named_home()).at(location)
    try:
        sizes = {name: size for name, size in bucket.sizes().items() if name}
    except RefusedDelivery as error:  # its action is for the operator, and the client runs this
        raise RefusedDelivery(
            error.what, "Check the address and your own credentials, or ask the sender.", error.code
        ) from None
    return UntrustedObjects(sizes, lambda name: bucket.get(name, sizes[name]))


def _keys_above(location: str) -> bytes | None:
    """keys.json of the client's prefix; None if it is not there, or if the reader may not look there."""
    from tasks import settings
    from tasks.store.buckets import Buckets

    if (prefix := prefix_of(location)) is None:
        return None
    bucket = Buckets(settings.named_home()).at(prefix)
    try:
        return bucket.found(KEYS, SMALL_BYTES)
    except RefusedDelivery:
        return None
