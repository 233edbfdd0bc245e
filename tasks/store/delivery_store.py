"""Deliveries in the lake: the exact bytes a client was sent, under the digest of their manifest."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.store import usage
from tasks.store.atomic_files import AtomicFiles, translate_errors

MANIFEST = "manifest.json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, order=True)
class DeliveryKey:
    """The unique key of a delivery; `revision` counts deliveries, not releases."""

    client: str
    product: str
    version: int
    period: str
    revision: int

    def __post_init__(self) -> None:
        if not all(_NAME.fullmatch(name) for name in (self.client, self.product, self.period)):
            raise Misconfigured(
                "A delivery's client, product or period is not a name.", "Write letters, digits and -_."
            )

    def __str__(self) -> str:
        return f"{self.client}/{self.product}/v{self.version}/{self.period}/{self.revision}"


class DeliveryStore(AtomicFiles):
    """deliveries/<client>/<product>/v<N>/<period>/<revision>/<sha256 of manifest.json>/."""

    def write_delivery(self, key: DeliveryKey, files: Mapping[str, bytes]) -> str:
        """Keep a rendered delivery whole or not at all; returns the sha256 (hex) of its manifest.json.

        The manifest names every other file by digest, so the same manifest again is the same delivery.
        """
        manifest = hashlib.sha256(files[MANIFEST]).hexdigest()
        self.put_folder(self._folder(key, manifest), files)
        return manifest

    def delivery(self, key: DeliveryKey, manifest_sha256: str) -> dict[str, bytes]:
        """The kept files by name; raises StorageUnavailable if they are lost or their manifest was altered."""
        folder = self._folder(key, manifest_sha256)
        with translate_errors(self.root):
            files = {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}
        usage.add_read(sum(map(len, files.values())))
        if hashlib.sha256(files.get(MANIFEST, b"")).hexdigest() != manifest_sha256:
            raise StorageUnavailable(f"{folder} is lost or altered.", "Restore it from a backup, then deliver again.")
        return files

    def _folder(self, key: DeliveryKey, manifest_sha256: str) -> Path:
        return self.root / "deliveries" / str(key) / manifest_sha256
