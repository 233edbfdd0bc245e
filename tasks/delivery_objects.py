"""A delivery in its client's bucket: which objects are there, writing the others, verifying as the client would."""

import hashlib
from collections.abc import Iterable, Mapping

from tasks.deliverable.manifest import MANIFEST
from tasks.deliverable.renderers.registry import media_type
from tasks.deliverable.verify import verify
from tasks.key_ring import signer
from tasks.store.buckets import Bucket
from tasks.store.delivery_store import REFERENCE
from tasks.store.signing_keys import KeyRing
from tasks.store.tables import Delivery

MAX_FILES = 1_000
"""Most objects read from a client's folder. A delivery has about twenty."""


def is_begun(bucket: Bucket, delivery: Delivery, files: Iterable[str]) -> bool:
    """Whether one of its files is there; reference files may be there for other deliveries."""
    return bool(_sizes(bucket, delivery, [name for name in files if not name.startswith(REFERENCE)]))


def complete(bucket: Bucket, delivery: Delivery, files: Mapping[str, bytes]) -> int:
    """Write missing files, compare present ones; returns how many were written. The manifest comes last."""
    written, there, product = 0, _sizes(bucket, delivery, files), _product_folder(delivery)
    for name in sorted(files, key=lambda name: (name.endswith(f"/{MANIFEST}"), name)):
        path = f"{product}/{name}"
        if path in there:
            bucket.compare(path, files[name], there[path])
        else:
            bucket.put_new(path, files[name], hashlib.sha256(files[name]).hexdigest(), media_type(name))
            written += 1
    return written


def verify_there(bucket: Bucket, delivery: Delivery, files: Mapping[str, bytes], ring: KeyRing) -> None:
    """As the client would; a stored delivery keeps the signature of a former key, a revoked one too."""
    start = f"{_product_folder(delivery)}/"
    sizes = {key.removeprefix(start): size for key, size in _sizes(bucket, delivery, files).items()}
    documents = delivery.path.removeprefix(start)
    pinned = signer(ring, files[f"{documents}/{MANIFEST}"])
    verify(sizes, lambda name: bucket.get(start + name, sizes[name]), pinned, documents)


def _product_folder(delivery: Delivery) -> str:
    return f"{delivery.product}/v{delivery.version}"


def _sizes(bucket: Bucket, delivery: Delivery, names: Iterable[str]) -> dict[str, int]:
    """All objects in the folders of a delivery's files."""
    folders = sorted({f"{name.rpartition('/')[0]}/" for name in names})
    outer = (folder for folder in folders if not any(folder.startswith(other) for other in folders if other != folder))
    listed = (bucket.sizes(f"{_product_folder(delivery)}/{folder}", MAX_FILES) for folder in outer)
    return {key: size for objects in listed for key, size in objects.items()}
