"""A client's Delta tables: logs that follow its deliveries, recorded in the catalog and then written to its bucket.

A log names files that are there and verified, and is written before the index. An altered log is never continued.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tasks.deliverable.delta import DELTA, DeltaDelivery, DeltaVersion, extended, log_facts, log_files, named
from tasks.errors import RefusedDelivery
from tasks.release import latest_of
from tasks.store import ReleaseStores
from tasks.store.audit import AuditEntry
from tasks.store.buckets import Bucket
from tasks.store.catalog import Catalog
from tasks.store.client_spec import ClientSpec
from tasks.store.delta_repository import DeltaLogVersion
from tasks.store.lake import DeliveryKey
from tasks.store.tables import Delivery, Release, ReleaseState

MEDIA_TYPE = "application/json"
MAX_STRAYS = 1_000
"""Most objects beyond ours that are listed in a log's folder."""

Logged = tuple[str, int]
"""A product and its version: what has logs of its own."""


@dataclass(frozen=True)
class DeltaTables:
    """The Delta tables of one product: the versions that are recorded, and those that follow."""

    of: Logged
    recorded: list[DeltaVersion]
    following: list[DeltaVersion]

    @property
    def files(self) -> dict[str, bytes]:
        """The content of each file of the logs by its key in the bucket, oldest first."""
        return log_files(_folder(self.of), (*self.recorded, *self.following))


def check_delta_tables(stores: ReleaseStores, spec: ClientSpec, bucket: Bucket, arriving: DeliveryKey) -> None:
    """Raise RefusedDelivery, before anything is written, if the bucket's logs could not take the arriving delivery."""
    for tables in _delta_tables(stores, spec, arriving):
        _missing(bucket, tables)


def write_delta_tables(stores: ReleaseStores, spec: ClientSpec, bucket: Bucket) -> None:
    """Let each log name the newest delivered files; raises RefusedDelivery if the bucket's log holds other bytes."""
    for tables in _delta_tables(stores, spec):
        missing = _missing(bucket, tables)
        if tables.following:
            _record(stores, spec.name, tables)
        for key, content in missing.items():
            bucket.put_new(key, content, hashlib.sha256(content).hexdigest(), MEDIA_TYPE)


def delta_facts(catalog: Catalog, client: str) -> list[dict[str, object]]:
    """Each recorded log as the index states it."""
    logs = sorted(_recorded(catalog, client).items())
    return [fact for of, versions in logs for fact in log_facts(_folder(of), versions)]


def _folder(of: Logged) -> str:
    product, version = of
    return f"{product}/v{version}"


def _delta_tables(
    stores: ReleaseStores, spec: ClientSpec, arriving: DeliveryKey | None = None
) -> Iterator[DeltaTables]:
    """The logs that exist, and those that a grant asks for once something is delivered."""
    recorded = _recorded(stores.catalog, spec.name)
    asked = {grant.product for grant in spec.grants if DELTA in grant.formats}
    current = _current(stores, spec.name, arriving) if recorded or asked else {}
    for of in sorted({*recorded, *(of for of in current if of[0] in asked)}):
        versions = recorded.get(of, [])
        yield DeltaTables(of, versions, extended(versions, _changes(stores, versions, current.get(of, {}))))


def _recorded(catalog: Catalog, client: str) -> dict[Logged, list[DeltaVersion]]:
    found: dict[Logged, list[DeltaVersion]] = defaultdict(list)
    for row in catalog.delta_log(client):
        found[row.product, row.product_version].append(DeltaVersion(row.number, row.logs, row.period, row.revision))
    return found


def _current(stores: ReleaseStores, client: str, arriving: DeliveryKey | None) -> dict[Logged, dict[str, Delivery]]:
    """What is current by the index: the newest delivery of each period, of whichever version, unless it is recalled.

    Oldest first; `arriving` counts as delivered.
    """
    releases: dict[tuple[str, int, str], list[Release]] = defaultdict(list)
    for release in stores.ledger.releases():
        releases[release.product, release.version, release.period].append(release)
    there = (row for row in stores.catalog.deliveries(client) if row.delivered_at or DeliveryKey.of(row) == arriving)
    newest = {(row.product, row.period): row for row in there}
    found: dict[Logged, dict[str, Delivery]] = defaultdict(dict)
    for row in sorted(newest.values(), key=lambda row: row.sequence or 0):
        if not _is_recalled(row, releases[row.product, row.version, row.period]):
            found[row.product, row.version][row.period] = row
    return found


def _is_recalled(row: Delivery, releases: list[Release]) -> bool:
    """Whether its release was taken back, or the newest one of its period."""
    counts = (latest_of(releases), *(release for release in releases if release.revision == row.release_revision))
    return any(release is not None and release.state is ReleaseState.RECALLED for release in counts)


def _changes(
    stores: ReleaseStores, versions: list[DeltaVersion], current: Mapping[str, Delivery]
) -> Iterator[DeltaDelivery | str]:
    """What the newest version does not say yet: periods that count no more, then new deliveries."""
    said = named(versions)
    yield from sorted(said.keys() - current.keys())
    for period, row in current.items():
        if said.get(period) != row.revision:
            yield DeltaDelivery.read(stores.lake.delivery(DeliveryKey.of(row), row.manifest_sha256))


def _missing(bucket: Bucket, tables: DeltaTables) -> dict[str, bytes]:
    """The files that the bucket's logs lack; raises RefusedDelivery if they hold anything else.

    Compared are all sizes, and the bytes of each log's newest file: `verify` compares all bytes.
    """
    files = tables.files
    folders = sorted({key.rpartition("/")[0] for key in files})
    listed = [bucket.sizes(f"{folder}/", len(files) + MAX_STRAYS) for folder in folders]
    there = {key: size for objects in listed for key, size in objects.items()}
    for key, size in there.items():
        if files.get(key) is None or len(files[key]) != size:
            raise RefusedDelivery(
                f"{bucket.location}/{key} is not a file of the Delta table's log, or was changed.",
                "Ask the client what wrote there: the folder is for reading only. Remove the file, then deliver again.",
                "delta.log_differs",
            )
    for key in (max(objects) for objects in listed if objects):
        bucket.compare(key, files[key], there[key])
    return {key: content for key, content in files.items() if key not in there}


def _record(stores: ReleaseStores, client: str, tables: DeltaTables) -> None:
    product, number = tables.of
    rows = [
        DeltaLogVersion(
            client=client,
            product=product,
            product_version=number,
            number=version.number,
            period=version.period,
            revision=version.revision,
            logs=dict(version.logs),
        )
        for version in tables.following
    ]
    last = tables.following[-1].number
    entry = AuditEntry.by_user("delta log extended", f"{client}/{product}/v{number}", f"to version {last}")
    stores.catalog.extend_delta_log(rows, entry)
