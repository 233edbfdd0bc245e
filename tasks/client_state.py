"""disable(client) and offboard(client): the end of deliveries, in the catalog first, then in the client's index."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks.client_index import write_index
from tasks.errors import RefusedDelivery, StorageUnavailable, ThrongError
from tasks.store import CatalogStores, ReleasedStores
from tasks.store.audit import AuditEntry
from tasks.store.client_file import unknown_client
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import Client, ClientState

CREDENTIALS = ("profile", "role_arn", "external_id")
"""Settings of a destination by which we deliver; an offboarded client's are not kept."""


@dataclass(frozen=True)
class Count:
    """Objects somewhere, and their bytes."""

    objects: int
    bytes: int

    @classmethod
    def of(cls, sizes: Iterable[int]) -> "Count":
        """The sum of these sizes."""
        listed = list(sizes)
        return cls(len(listed), sum(listed))


@dataclass(frozen=True)
class Ended:
    """What became of a client: whether its state changed now, and its final index."""

    changed: bool
    index_fault: ThrongError | None = None
    """Why the final index could not be written."""


@dataclass(frozen=True)
class Remains:
    """What is kept of an offboarded client, and where."""

    changed: bool
    bucket: Count | None
    """None: not known, since the bucket refused us or was asked earlier."""
    lake: Count
    deliveries: int
    audit_rows: int
    removed: tuple[str, ...]
    fault: ThrongError | None = None


def known_client(stores: CatalogStores, name: str) -> Client:
    """A client in any state; raises Misconfigured naming the known ones."""
    if found := stores.catalog.client(name):
        return found
    raise unknown_client(name, [client.name for client in stores.catalog.clients()])


def client_spec(stores: CatalogStores, name: str) -> ClientSpec:
    """A client as last applied; raises Misconfigured for an unknown one, RefusedDelivery unless it is active."""
    found = known_client(stores, name)
    if found.state is ClientState.ACTIVE:
        return ClientSpec.stored(found.spec)
    raise RefusedDelivery(
        f"The client {name} is {found.state}: it receives no deliveries.",
        "Nothing to do. `throng client apply FILE.toml --enable` ends a disabling.",
        "client.inactive",
    )


def disable(stores: ReleasedStores, name: str, reason: str, now: datetime) -> Ended:
    """End deliveries until the client is enabled; the state counts even if the index cannot be written now."""
    known_client(stores, name)
    with stores.locks.hold(f"client-{name}"):
        entry = AuditEntry.by_user("client disabled", name, reason)
        changed = stores.catalog.move_client(name, ClientState.DISABLED, entry)
        try:
            _write_final_index(stores, known_client(stores, name), ClientState.DISABLED, now)
        except ThrongError as fault:
            return Ended(changed, fault)
        return Ended(changed)


def offboard(stores: ReleasedStores, name: str, reason: str, now: datetime) -> Remains:
    """End deliveries for good. A bucket that refuses us does not hinder it; one that does not answer does.

    The state changes last, together with the removal of our credentials, so that a killed run is repeated whole.
    """
    known_client(stores, name)
    with stores.locks.hold(f"client-{name}"):
        client = known_client(stores, name)
        if client.state is ClientState.OFFBOARDED:
            return _remains(stores, client, False, None, None)
        stores.catalog.move_client(name, ClientState.DISABLED, AuditEntry.by_user("client disabled", name, reason))
        count, fault = _final_count(stores, client, now)
        bare, entry = _without_credentials(client.spec), AuditEntry.by_user("client offboarded", name, reason)
        stores.catalog.move_client(name, ClientState.OFFBOARDED, entry, bare)
        return _remains(stores, client, True, count, fault)


def _final_count(stores: ReleasedStores, client: Client, now: datetime) -> tuple[Count | None, ThrongError | None]:
    """Write the final index, and count what the bucket holds; or why it refused that."""
    count = None
    try:
        _write_final_index(stores, client, ClientState.OFFBOARDED, now)
        bucket = stores.buckets.open(ClientSpec.stored(client.spec).destination)
        count = Count.of(bucket.sizes().values())
    except StorageUnavailable:
        raise
    except ThrongError as fault:
        return count, fault
    return count, None


def _write_final_index(stores: ReleasedStores, client: Client, state: ClientState, now: datetime) -> None:
    write_index(stores, ClientSpec.stored(client.spec), now, state)


def _without_credentials(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "destination": {**spec["destination"], **dict.fromkeys(CREDENTIALS)}, "notice": None}


def _remains(
    stores: ReleasedStores, client: Client, changed: bool, bucket: Count | None, fault: ThrongError | None
) -> Remains:
    """`client`: as it was before."""
    name, spec = client.name, ClientSpec.stored(client.spec)
    rows = [entry for entry in stores.audit.entries() if entry.subject == name or entry.subject.startswith(f"{name}/")]
    return Remains(
        changed=changed,
        bucket=bucket,
        lake=Count.of(stored.bytes for stored in stores.lake.objects.list(f"deliveries/{name}/")),
        deliveries=len(stores.catalog.deliveries(name)),
        audit_rows=len(rows),
        removed=(
            *(setting for setting in CREDENTIALS if getattr(spec.destination, setting)),
            *(["notice"] if spec.notice else []),
        ),
        fault=fault,
    )
