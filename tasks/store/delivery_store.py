"""Deliveries in the lake: the exact bytes a client was sent, under the digest of their manifest."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.store.object_store import ObjectStore
from tasks.store.tables import Delivery

MANIFEST = "manifest.json"
REFERENCE = "reference/"
"""How the names of reference files begin, which many deliveries of a product share."""

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
                "A delivery's client, product or period is not a name.",
                "Write letters, digits and -_.",
                "delivery.invalid_name",
            )

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryKey":
        """The key of a row of the catalog."""
        return cls(delivery.client, delivery.product, delivery.version, delivery.period, delivery.revision)

    def __str__(self) -> str:
        return f"{self.client}/{self.product}/v{self.version}/{self.period}/{self.revision}"


class DeliveryStore:
    """deliveries/<client>/<product>/v<N>/<period>/<revision>/<sha256 of manifest.json>/.

    Reference files are kept once, in deliveries/<client>/<product>/v<N>/reference/zone_plan=<V>/content=<digest>/.
    """

    objects: ObjectStore

    def write_delivery(self, key: DeliveryKey, files: Mapping[str, bytes]) -> str:
        """Keep a rendered delivery, its manifest last; returns the sha256 (hex) of its manifest.json.

        The manifest names every other file by digest, so the same manifest again is the same delivery.
        """
        (last,) = filter(_is_manifest, files)
        manifest = hashlib.sha256(files[last]).hexdigest()
        for name in sorted(files, key=_is_manifest):
            folder = _product_folder(key) if name.startswith(REFERENCE) else _folder(key, manifest)
            self.objects.put_if_absent(folder + name, files[name])
        return manifest

    def delivery(self, key: DeliveryKey, manifest_sha256: str) -> dict[str, bytes]:
        """The kept files by name; raises StorageUnavailable if they are lost or their manifest was altered."""
        folder = _folder(key, manifest_sha256)
        paths = sorted(found.key for found in self.objects.list(folder))
        files = {path.removeprefix(folder): self.objects.get(path) for path in paths}
        manifests = [content for name, content in files.items() if _is_manifest(name)]
        if [hashlib.sha256(content).hexdigest() for content in manifests] != [manifest_sha256]:
            raise StorageUnavailable(
                f"{self.objects.location}/{folder} is lost or altered.",
                "Restore it from a backup, then deliver again.",
                "lake.delivery_damaged",
            )
        names = (file["path"] for file in json.loads(manifests[0])["files"])
        return files | {n: self.objects.get(_product_folder(key) + n) for n in names if n.startswith(REFERENCE)}

    def delivered_zones(self, key: DeliveryKey) -> dict[str, list[bytes]]:
        """Each zones.geojson of the key's client and product, by the version of its zone plan."""
        found: dict[str, list[bytes]] = {}
        for path in sorted(each.key for each in self.objects.list(f"{_product_folder(key)}{REFERENCE}")):
            if path.endswith("/zones.geojson"):
                plan = path.split("/")[-3].removeprefix("zone_plan=")
                found.setdefault(plan, []).append(self.objects.get(path))
        return found


def _is_manifest(path: str) -> bool:
    return path.endswith(f"/{MANIFEST}")


def _product_folder(key: DeliveryKey) -> str:
    return f"deliveries/{key.client}/{key.product}/v{key.version}/"


def _folder(key: DeliveryKey, manifest_sha256: str) -> str:
    return f"deliveries/{key}/{manifest_sha256}/"
