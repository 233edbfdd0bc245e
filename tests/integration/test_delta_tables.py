"""Delta tables in a real bucket: they follow the deliveries, through kills, restores, recalls and foreign writers."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import boto3
import pytest
from deltalake import DeltaTable

from tasks.client_check import check_client
from tasks.deliverable.files import Rendered
from tasks.delta_tables import check_delta_tables, delta_facts, write_delta_tables
from tasks.period import Period
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.store.buckets import Bucket
from tasks.store.client_file import ClientSpec, parse_client
from tasks.store.lake import DeliveryKey
from tasks.store.tables import Delivery, DeliveryState, ReleaseState
from tests.integration.plan.world import AUDIT, World
from tests.integration.verbs.dying_stores import Border, Dying
from tests.refusals import refused
from tests.unit.deliverable.factories import release_view, rendered, revision

FIRST_DAY, SECOND_DAY = date(2026, 3, 2), date(2026, 3, 3)
FIRST = rendered(release_view(FIRST_DAY))
SECOND = rendered(release_view(SECOND_DAY))
REVISED = rendered(release_view(FIRST_DAY, revision=2), delivery=revision(FIRST))
LOG = "footfall/v3/data/zone_hour/_delta_log"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve(tmp_path_factory.mktemp("s3"), {"nordmarkt": "nordmarkt-insights"}) as running:
        yield running


@pytest.fixture
def world(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.chdir(tmp_path)
    return World.new(tmp_path)


class Client:
    """A client with a folder of its own, and what is delivered to it."""

    def __init__(self, world: World, server: S3Server, name: str, formats: str = '"parquet", "delta"') -> None:
        self.world, self.name = world, name
        folder = f"{world.stores.settings.home.parent.name}-{name}"
        text = client_file("nordmarkt", "nordmarkt-insights", server.endpoint_url, FIRST_DAY, prefix=folder)
        self.spec = self.granted(text.replace('name = "nordmarkt"', f'name = "{name}"'), formats)
        self.bucket: Bucket = world.stores.buckets.open(self.spec.destination)

    def granted(self, text: str, formats: str) -> ClientSpec:
        self.text = text
        asked = text.replace('formats = ["parquet", "csv"]', f"formats = [{formats}]")
        return parse_client(asked, "client.toml", ["footfall"], ["parquet", "delta"])

    def sent(self, delivery: Rendered, state: DeliveryState = DeliveryState.DELIVERED) -> DeliveryKey:
        """Bring a delivery into lake, catalog and, unless it is only rendered, the bucket."""
        path = delivery.path
        key = DeliveryKey(self.name, path.product, path.version, str(path.period), path.revision)
        manifest, catalog = self.world.stores.lake.write_delivery(key, delivery.files), self.world.stores.catalog
        row = Delivery(
            **vars(key), release_revision=key.revision, inputs_digest="i", state=DeliveryState.RENDERED,
            manifest_sha256=manifest, path=delivery.path.folder, rows=delivery.rows, withheld=delivery.withheld,
        )  # fmt: skip
        catalog.record_rendered(row, AUDIT)
        if state is DeliveryState.DELIVERED:
            for name in (name for name in delivery.files if name.startswith("data/")):
                self.put(f"{path.product_folder}/{name}", delivery.files[name])
            catalog.mark_delivered(key, datetime(2026, 3, 4, tzinfo=UTC), AUDIT)
        return key

    def put(self, key: str, content: bytes) -> None:
        self.bucket.put_new(key, content, hashlib.sha256(content).hexdigest())

    def write(self) -> None:
        write_delta_tables(self.world.stores, self.spec, self.bucket)

    def logs(self) -> dict[str, bytes]:
        return {key: self.bucket.get(key) for key in self.bucket.sizes() if "/_delta_log/" in key}

    def table(self, version: int = 3) -> DeltaTable:
        """As the client's own tools open it."""
        session = boto3.Session(profile_name="nordmarkt").get_credentials()
        options = {
            "AWS_ENDPOINT_URL": self.spec.destination.endpoint_url or "",
            "AWS_ACCESS_KEY_ID": session.access_key,
            "AWS_SECRET_ACCESS_KEY": session.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }
        return DeltaTable(f"{self.bucket.location}/footfall/v{version}/data/zone_hour", storage_options=options)

    def check_named(self) -> None:
        """Every file that a log names is in the bucket."""
        there = self.bucket.sizes()
        for key, log in self.logs().items():
            for action in map(json.loads, log.splitlines()):
                if "add" in action:
                    path = f"{key.partition('_delta_log/')[0]}{action['add']['path']}"
                    assert there.get(path) == action["add"]["size"], path


def named(client: Client, version: int = 3) -> set[tuple[str, int]]:
    rows = client.table(version).to_pyarrow_table(columns=["dt", "revision"])
    return {(str(dt), revision) for dt, revision in zip(*rows.to_pydict().values(), strict=True)}


def test_a_bucket_is_read_as_a_delta_table_that_follows_its_deliveries(world: World, server: S3Server) -> None:
    client = Client(world, server, "one")
    client.sent(SECOND)
    client.write()
    assert named(client) == {("2026-03-03", 1)}
    client.sent(FIRST)
    client.sent(REVISED, DeliveryState.RENDERED)
    client.write()
    assert named(client) == {("2026-03-02", 1), ("2026-03-03", 1)}
    before = client.logs()
    client.write()
    assert client.logs() == before
    assert [entry.detail for entry in world.stores.audit.entries("one/footfall/v3")] == ["to version 1", "to version 2"]


def test_a_grant_that_asks_later_begins_with_all_that_counts_and_one_that_no_longer_asks_goes_on(
    world: World, server: S3Server
) -> None:
    client = Client(world, server, "late", '"parquet"')
    for delivery in (FIRST, SECOND, REVISED):
        client.sent(delivery)
    client.write()
    assert client.logs() == {}
    asked = replace_formats(client, '"parquet", "delta"')
    asked.write()
    assert (named(asked), asked.table().version()) == ({("2026-03-02", 2), ("2026-03-03", 1)}, 2)
    third = rendered(release_view(date(2026, 3, 4)))
    no_longer = replace_formats(client, '"parquet"')
    no_longer.sent(third)
    no_longer.write()
    assert ("2026-03-04", 1) in named(client)


def replace_formats(client: Client, formats: str) -> Client:
    client.spec = client.granted(client.text, formats)
    return client


def test_a_recalled_period_counts_no_more(world: World, server: S3Server) -> None:
    client = Client(world, server, "recalled")
    client.sent(FIRST)
    client.sent(SECOND)
    client.write()
    world.released("footfall", Period.day(FIRST_DAY), ReleaseState.RECALLED)
    client.write()
    assert named(client) == {("2026-03-03", 1)}
    world.released("footfall", Period.day(FIRST_DAY))
    client.sent(REVISED)
    client.write()
    assert named(client) == {("2026-03-02", 2), ("2026-03-03", 1)}


def test_a_new_version_of_a_product_has_a_log_of_its_own_and_takes_its_periods_over(
    world: World, server: S3Server
) -> None:
    client = Client(world, server, "versions")
    client.sent(FIRST)
    client.sent(SECOND)
    client.write()
    client.sent(rendered(release_view(FIRST_DAY, version=4)))
    client.write()
    assert named(client) == {("2026-03-03", 1)}
    assert named(client, 4) == {("2026-03-02", 1)}
    assert [fact["path"] for fact in delta_facts(world.stores.catalog, "versions")] == [
        f"footfall/v{version}/data/{table}"
        for version in (3, 4)
        for table in ("district_hour_demographic", "zone_hour")
    ]


class Died(BaseException):
    """The process ends here."""


def died() -> None:
    raise Died


def test_a_log_that_was_cut_off_at_any_write_is_continued_with_the_same_bytes(world: World, server: S3Server) -> None:
    undisturbed = Client(world, server, "whole")
    undisturbed.sent(FIRST)
    undisturbed.sent(SECOND)
    border = Border(None)
    write_dying(undisturbed, border)
    changing = ("after s3.put_object", "after catalog.extend_delta_log")
    at = [number for number, where in enumerate(border.passed, 1) if where in changing]
    assert len(at) == 1 + 2 * 3, "the catalog, and three versions of two logs"
    for number in at:
        client = Client(world, server, f"cut-{number}")
        client.sent(FIRST)
        client.sent(SECOND)
        with pytest.raises(Died):
            write_dying(client, Border(number, died))
        client.check_named()
        client.write()
        assert client.logs() == undisturbed.logs(), border.passed[number - 1]


def test_a_check_of_the_client_completes_the_log_that_its_index_states(world: World, server: S3Server) -> None:
    client, applied = Client(world, server, "checked"), datetime(2026, 3, 1, tzinfo=UTC)
    world.stores.catalog.apply_client("checked", client.spec.document(None, applied), "digest", AUDIT)
    world.released("footfall", Period.day(FIRST_DAY))
    client.sent(FIRST)
    border = Border("after catalog.extend_delta_log", died)
    with pytest.raises(Died):
        write_dying(client, border)
    assert client.logs() == {}
    steps = check_client(world.stores, "checked", datetime(2026, 3, 4, tzinfo=UTC))
    assert [step.fault for step in steps] == [None] * len(steps)
    stated = json.loads(client.bucket.get("index.json"))["delta"]
    assert [fact["version"] for fact in stated] == [1, 1]
    assert len(client.logs()) == 4, "two versions of two logs"


def write_dying(client: Client, border: Border) -> None:
    stores, bucket = client.world.stores, client.world.stores.buckets.open(client.spec.destination)
    bucket._store = Dying(bucket._store, "s3", border)
    catalog = Dying(stores.catalog, "catalog", border)
    write_delta_tables(replace(stores, catalog=catalog), client.spec, bucket)  # type: ignore[arg-type]


def test_a_restored_catalog_continues_the_log_that_the_bucket_holds(world: World, server: S3Server) -> None:
    before, after = Client(world, server, "before"), Client(world, server, "after")
    before.sent(FIRST)
    after.sent(FIRST)
    after.sent(SECOND)
    after.write()
    before.write()
    for key, content in after.logs().items():
        before.put(key, content)
    arriving = before.sent(SECOND, DeliveryState.RENDERED)
    check_delta_tables(world.stores, before.spec, before.bucket, arriving)
    world.stores.catalog.mark_delivered(arriving, datetime(2026, 3, 4, tzinfo=UTC), AUDIT)
    before.write()
    assert before.logs() == after.logs()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("00000000000000000001.json", b"{}", "delta.log_differs"),
        ("00000000000000000000.checkpoint.parquet", b"PAR1", "delta.log_differs"),
        ("_last_checkpoint", b"{}", "delta.log_differs"),
        ("00000000000000000000.json", None, "bucket.other_bytes"),
    ],
)
def test_a_log_with_other_bytes_is_refused_and_not_continued(
    world: World, server: S3Server, name: str, content: bytes | None, code: str
) -> None:
    client, other = Client(world, server, "foreign"), Client(world, server, "other")
    other.sent(FIRST)
    other.write()
    there = other.logs()[f"{LOG}/00000000000000000000.json"]
    client.put(f"{LOG}/{name}", content or there.replace(b"Throng", b"Spring"))
    arriving = client.sent(FIRST)
    with refused(code):
        check_delta_tables(world.stores, client.spec, client.bucket, arriving)
    with refused(code):
        client.write()
    assert len(client.logs()) == 1
    assert world.stores.catalog.delta_log("foreign") == []
