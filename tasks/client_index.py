"""A client's index: issued once for each change of its facts, recorded, and then written as it was issued."""

import hashlib
from datetime import datetime
from typing import Any

from tasks.deliverable.index import check_ledger, facts_of, issue, own_sequence
from tasks.deliverable.notices import Notice, notice
from tasks.deliverable.verifier.signatures import Keys
from tasks.deliverable.verifier.untrusted import INDEX_BYTES
from tasks.delivery_calendar import client_facts
from tasks.delta_tables import write_delta_tables
from tasks.key_ring import key_ring, public_keys, write_keys
from tasks.store import ReleasedStores
from tasks.store.audit import AuditEntry
from tasks.store.buckets import INDEX, Bucket
from tasks.store.catalog import Catalog
from tasks.store.client_spec import ClientSpec
from tasks.store.index_repository import ClientIndex
from tasks.store.signing_keys import KeyRing
from tasks.store.tables import ClientState

MORE_BYTES = 1 << 20
"""How much more than twice our last index is read: a restored catalog may be older than the bucket."""


def write_index(
    stores: ReleasedStores, spec: ClientSpec, now: datetime, ended: ClientState | None = None
) -> Notice | None:
    """Bring the client's index up to date, under the client's lock; returns what is news to the client.

    First the Delta tables, which it names. What is there already is not written again.
    """
    bucket, ring = stores.buckets.open(spec.destination), key_ring(stores.signing_keys, now)
    there = written_index(stores.catalog, spec.name, bucket)
    write_keys(bucket, ring)
    write_delta_tables(stores, spec, bucket)
    content = issued_index(stores, spec, there, ring, now, ended)
    if there == content:
        return None
    bucket.put_index(content)
    return notice(spec.name, bucket.location, there, content)


def written_index(catalog: Catalog, client: str, bucket: Bucket) -> bytes | None:
    """The bucket's index, if there is one; raises RefusedDelivery if it is of another ledger or client."""
    kept = catalog.client_index(client)
    content = bucket.found(INDEX, min(INDEX_BYTES, MORE_BYTES + 2 * len(kept.content if kept else "")))
    if content is None:
        return None
    manifests = {delivery.manifest_sha256 for delivery in catalog.deliveries()}
    check_ledger(content, client, bucket.location, catalog.chain(), manifests)
    return content


def issued_index(
    stores: ReleasedStores,
    spec: ClientSpec,
    there: bytes | None,
    ring: KeyRing,
    now: datetime,
    ended: ClientState | None,
) -> bytes:
    """The last index if its facts and key are those of now, else the next one; recorded before anybody can see it.

    `there`: the bucket's. It is the last one if the catalog is older: if it was restored from a backup.
    """
    facts, current = client_facts(stores, spec, now, ended), ring.statements[-1]
    kept = last = stores.catalog.client_index(spec.name)
    sequence = own_sequence(there, spec.name, public_keys(ring)) if there else 0
    if there and sequence > (kept.sequence if kept else 0):
        last = _row(spec.name, sequence, there)
    newest = {current["key_id"]: bytes.fromhex(current["public_key"])}
    if last is None or not _is_of(last, facts, newest):
        sequence, previous = (last.sequence, last.sha256) if last else (0, None)
        at = max(now, datetime.fromisoformat(current["valid_from"]))  # a clock that was put back
        last = _row(spec.name, sequence + 1, issue(facts, sequence + 1, previous, at, ring.private))
    if last is not kept:
        entry = AuditEntry.by_user("index issued", spec.name, sequence=last.sequence, sha256=last.sha256)
        stores.catalog.record_index(last, entry)
    return last.content.encode()


def _is_of(index: ClientIndex, facts: dict[str, Any], keys: Keys) -> bool:
    """Whether an index has these facts, and the signature of one of these keys."""
    content = index.content.encode()
    return own_sequence(content, index.client, keys) == index.sequence and facts_of(content) == facts


def _row(client: str, sequence: int, content: bytes) -> ClientIndex:
    digest = hashlib.sha256(content).hexdigest()
    return ClientIndex(client=client, sequence=sequence, sha256=digest, content=content.decode())
