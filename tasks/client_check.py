"""check(client): whether deliveries can reach a client's bucket, step by step; nothing is left there but the index."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.deliverable.index import check_ledger
from tasks.deliverable.untrusted_reader import INDEX_BYTES
from tasks.delivery_calendar import client_index
from tasks.errors import ThrongError
from tasks.store import ClientStores
from tasks.store.buckets import INDEX, Bucket
from tasks.store.client_spec import ClientSpec, Destination

MAX_OBJECTS = 1_000
"""Most objects whose name begins as the index's does."""


@dataclass(frozen=True)
class CheckedStep:
    """One step, and either what was found or what is wrong; `tried` is False after the first fault."""

    name: str
    found: str = ""
    fault: ThrongError | None = None
    tried: bool = True

    def document(self) -> Mapping[str, object]:
        """For programs."""
        status = "fault" if self.fault else "ok" if self.tried else "not_tried"
        fault = self.fault.document() if self.fault else None
        return {"step": self.name, "status": status, "found": self.found, "fault": fault}


def check_client(stores: ClientStores, spec: ClientSpec, now: datetime) -> list[CheckedStep]:
    """Try what a delivery needs, under the client's lock; the index is written with the bytes that it has."""
    with stores.locks.hold(f"client-{spec.name}"):
        return list(_checked(_Probe(stores, spec, now)))


def _checked(probe: "_Probe") -> Iterator[CheckedStep]:
    failed = False
    for name, act in probe.steps().items():
        if failed:
            yield CheckedStep(name, tried=False)
            continue
        try:
            yield CheckedStep(name, act())
        except ThrongError as fault:
            failed = True
            yield CheckedStep(name, fault=fault)


@dataclass
class _Probe:
    """Writes the index as it is: proves each right of a delivery, leaves nothing behind, and needs no deletion."""

    stores: ClientStores
    spec: ClientSpec
    now: datetime
    bucket: Bucket = field(init=False)
    body: bytes = b""

    def steps(self) -> Mapping[str, Callable[[], str]]:
        """In the order of a delivery."""
        return {
            "credentials": self._open,
            "list": self._list,
            "owner": self._owner,
            "index": self._index,
            "write": self._write,
            "read": self._read,
            "no overwriting": self._no_overwriting,
            "encryption": self._encryption,
        }

    def _open(self) -> str:
        self.bucket = self.stores.buckets.open(self.spec.destination)
        return _identity(self.spec.destination)

    def _list(self) -> str:
        self.bucket.probe()
        return f"{self.bucket.location} lists what it holds"

    def _owner(self) -> str:
        """The owner goes with every request, so that the listing has proved it."""
        owner = self.spec.destination.expected_bucket_owner
        return f"account {owner}, named in every request" if owner else "not asked for: no expected_bucket_owner"

    def _index(self) -> str:
        """The bytes to write: those that are there, or the first index."""
        size = self.bucket.sizes(INDEX, MAX_OBJECTS).get(INDEX)
        if size is None:
            self.body = client_index(self.stores, self.spec, self.now)
            return "none yet: the first one is written"
        self.body = self.bucket.get(INDEX, INDEX_BYTES)
        catalog = self.stores.catalog
        manifests = {delivery.manifest_sha256 for delivery in catalog.deliveries()}
        check_ledger(self.body, self.bucket.location, catalog.chain(), manifests)
        return "written by this installation"

    def _write(self) -> str:
        self.bucket.write_index(self.body)
        return f"{INDEX} written, {len(self.body):,} bytes"

    def _read(self) -> str:
        self.bucket.compare(INDEX, self.body)
        return "the same bytes came back"

    def _no_overwriting(self) -> str:
        self.bucket.check_conditional_write(self.body)
        return "the store honours If-None-Match"

    def _encryption(self) -> str:
        stated = self.bucket.check_encryption()
        if key := self.spec.destination.kms_key_arn:
            return f"{stated} under {key}"
        return f"not asked for: no kms_key_arn; the store says {stated or 'nothing'}"


def _identity(destination: Destination) -> str:
    """Names of the identity that delivers; no secret."""
    profile = f"profile {destination.profile}" if destination.profile else "this machine's own"
    external = " with the agreed external id" if destination.external_id else ""
    return f"{profile}, role {destination.role_arn}{external}" if destination.role_arn else profile
