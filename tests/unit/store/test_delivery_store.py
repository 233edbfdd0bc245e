import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.store.keys import DataKeys
from tasks.store.lake import DeliveryKey, Lake
from tasks.store.object_store import FileObjectStore
from tests.dying import dies, tick_before_file_acts

KEY = DeliveryKey("nordmarkt", "footfall", 3, "2026-03-01", 1)
MANIFEST, ROWS = "docs/dt=2026-03-01/manifest.json", "data/zone_hour/dt=2026-03-01/footfall.parquet"
ZONES = "reference/zone_plan=abc/content=123/zones.geojson"
LISTED = json.dumps({"files": [{"path": ROWS}, {"path": ZONES}]}).encode()
FILES = {MANIFEST: LISTED, ROWS: b"rows" * 1000, "docs/dt=2026-03-01/README.md": b"read me", ZONES: b"{}"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(FileObjectStore(tmp_path / "lake"), DataKeys(tmp_path / "keys"))
    lake.open()
    return lake


def test_a_delivery_comes_back_byte_by_byte_under_its_manifests_digest(lake: Lake) -> None:
    sha256 = lake.write_delivery(KEY, FILES)
    assert sha256 == hashlib.sha256(LISTED).hexdigest()
    assert lake.delivery(KEY, sha256) == FILES


def test_writing_the_same_delivery_again_changes_nothing(lake: Lake) -> None:
    assert lake.write_delivery(KEY, FILES) == lake.write_delivery(KEY, FILES)


def test_a_rendering_that_was_never_recorded_does_not_stand_in_the_way_of_another(lake: Lake) -> None:
    other = FILES | {MANIFEST: LISTED + b" "}
    first, second = lake.write_delivery(KEY, FILES), lake.write_delivery(KEY, other)
    assert lake.delivery(KEY, first) == FILES
    assert lake.delivery(KEY, second) == other


def test_a_lost_or_altered_delivery_is_named(lake: Lake) -> None:
    sha256 = lake.write_delivery(KEY, FILES)
    (Path(lake.objects.location) / "deliveries" / str(KEY) / sha256 / MANIFEST).write_bytes(b"altered")
    for digest in (sha256, "0" * 64):
        with pytest.raises(StorageUnavailable) as lost:
            lake.delivery(KEY, digest)
        assert lost.value.code == "lake.delivery_damaged"


def test_places_of_a_plan_are_kept_once_for_all_deliveries_of_a_product(lake: Lake) -> None:
    next_day = replace(KEY, period="2026-03-02")
    digests = [lake.write_delivery(key, FILES) for key in (KEY, next_day, replace(KEY, client="other"))]
    kept = [info.key for info in lake.objects.list("deliveries/nordmarkt/") if info.key.endswith(ZONES)]
    assert kept == [f"deliveries/nordmarkt/footfall/v3/{ZONES}"]
    assert lake.delivery(next_day, digests[1]) == FILES
    assert lake.delivered_zones(KEY) == {"abc": [b"{}"]}
    assert lake.delivered_zones(replace(KEY, product="panel")) == {}


@pytest.mark.parametrize("client", ["..", "a/b", "", ".hidden", "a b"])
def test_a_clients_name_cannot_leave_its_folder(client: str) -> None:
    with pytest.raises(Misconfigured):
        DeliveryKey(client, "footfall", 3, "2026-03-01", 1)


def test_a_delivery_with_its_manifest_is_whole_wherever_its_writer_is_killed(tmp_path: Path) -> None:
    for at in count(1):
        lake = Lake(FileObjectStore(tmp_path / str(at)), DataKeys(tmp_path / "keys"))
        lake.open()

        def act(tick: Callable[[], None], lake: Lake = lake) -> None:
            tick_before_file_acts(tick)
            lake.write_delivery(KEY, FILES)

        killed = dies(act, at)
        keys = [info.key for info in lake.objects.list("deliveries/")]
        written = {key.split("/", 4)[4] if "/reference/" in key else key.split("/", 6)[6] for key in keys}
        assert written == set(FILES) or MANIFEST not in written
        assert lake.delivery(KEY, lake.write_delivery(KEY, FILES)) == FILES
        if not killed:
            break
