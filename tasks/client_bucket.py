"""A client's index as its bucket holds it."""

from tasks.deliverable.index import check_ledger
from tasks.deliverable.untrusted_reader import INDEX_BYTES
from tasks.store.buckets import INDEX, Bucket
from tasks.store.catalog import Catalog

MAX_OBJECTS = 1_000
"""Most objects whose name begins as the index's does."""


def written_index(catalog: Catalog, bucket: Bucket) -> bytes | None:
    """The bucket's index, if there is one; raises RefusedDelivery if another ledger wrote it."""
    size = bucket.sizes(INDEX, MAX_OBJECTS).get(INDEX)
    if size is None:
        return None
    content = bucket.get(INDEX, INDEX_BYTES)
    manifests = {delivery.manifest_sha256 for delivery in catalog.deliveries()}
    check_ledger(content, bucket.location, catalog.chain(), manifests)
    return content
