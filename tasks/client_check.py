"""check(client): whether deliveries can reach a client's bucket, step by step; nothing is left there but the index."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.client_index import issued_index, written_index
from tasks.client_state import known_client
from tasks.delta_tables import write_delta_tables
from tasks.errors import ThrongError
from tasks.key_ring import key_ring, write_keys
from tasks.store import ReleasedStores
from tasks.store.buckets import INDEX, Bucket
from tasks.store.client_repository import check_may_apply
from tasks.store.client_spec import ClientSpec, Destination
from tasks.store.tables import ClientState


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


def check_client(stores: ReleasedStores, name: str, now: datetime) -> list[CheckedStep]:
    """Try what a delivery needs, under the client's lock; the index is written as a delivery would.

    Raises Misconfigured for an unknown or offboarded client.
    """
    known_client(stores, name)
    with stores.locks.hold(f"client-{name}"):
        client = known_client(stores, name)
        check_may_apply(client, enable=True)
        ended = None if client.state is ClientState.ACTIVE else client.state
        return list(_checked(_Probe(stores, ClientSpec.stored(client.spec), now, ended)))


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
    """Writes keys and index: proves each right of a delivery, leaves nothing else behind, and needs no deletion."""

    stores: ReleasedStores
    spec: ClientSpec
    now: datetime
    ended: ClientState | None
    bucket: Bucket = field(init=False)
    there: bytes | None = None
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
        self.there = written_index(self.stores.catalog, self.spec.name, self.bucket)
        return "written by this installation" if self.there else "none yet: the first one is written"

    def _write(self) -> str:
        """What each delivery would write now: keys, the Delta tables that a killed run left behind, and the index."""
        ring = key_ring(self.stores.signing_keys, self.now)
        write_keys(self.bucket, ring)
        write_delta_tables(self.stores, self.spec, self.bucket)
        self.body = issued_index(self.stores, self.spec, self.there, ring, self.now, self.ended)
        self.bucket.replace(INDEX, self.body)
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
