"""The key that signs now, with the statements of all keys; and keys.json in a client's bucket."""

import json
from datetime import datetime

from tasks.deliverable.key_history import first_statement, keys_json
from tasks.deliverable.signature import public_key
from tasks.deliverable.verifier.key_chain import KEYS, KEYS_SHAPE
from tasks.deliverable.verifier.signatures import Keys, key_id
from tasks.deliverable.verifier.untrusted import SMALL_BYTES, parse
from tasks.deliverable.verify import translated
from tasks.errors import RefusedDelivery
from tasks.store.buckets import Bucket
from tasks.store.signing_keys import KeyRing, SigningKeys


def key_ring(keys: SigningKeys, now: datetime) -> KeyRing:
    """The key that signs, and the statements; the first key's is made now if there is none.

    Raises Misconfigured if they are not of the same key.
    """
    ring = keys.ring()
    if not ring.statements:
        keys.state_first(first_statement(ring.private, now))
        ring = keys.ring()
    if ring.statements[-1]["key_id"] != key_id(public_key(ring.private)):
        raise keys.damaged("statements.json")
    return ring


def public_keys(ring: KeyRing) -> Keys:
    """The raw public keys by key id, oldest first, without revoked ones."""
    return {each["key_id"]: bytes.fromhex(each["public_key"]) for each in ring.statements if "revoked" not in each}


def signer(ring: KeyRing, manifest: bytes) -> bytes:
    """The raw public key that signed one of our manifests: a former one of a stored delivery, a revoked one too."""
    own = {each["key_id"]: bytes.fromhex(each["public_key"]) for each in ring.statements}
    return own.get(json.loads(manifest)["key_id"]) or public_key(ring.private)


def write_keys(bucket: Bucket, ring: KeyRing) -> None:
    """Bring the bucket's keys.json up to date, before anything is written that the newest key signed.

    Raises RefusedDelivery if the bucket knows keys that this key store lacks.
    """
    content, there = keys_json(ring.statements, ring.private), bucket.found(KEYS, SMALL_BYTES)
    if there == content:
        return
    if there is not None:
        _check_older(there, ring, bucket.location)
    bucket.replace(KEYS, content)
    bucket.compare(KEYS, content)


def _check_older(there: bytes, ring: KeyRing, location: str) -> None:
    with translated():
        listed = [each["key_id"] for each in parse(there, KEYS_SHAPE, KEYS)["keys"]]
    if listed != [each["key_id"] for each in ring.statements][: len(listed)]:
        raise RefusedDelivery(
            f"{location}: {KEYS} lists keys that this installation's key store does not have: nothing was written.",
            "Restore the newest backup of `keys/signing`. Look for another installation that delivers here.",
            "keys.older_than_bucket",
        )
