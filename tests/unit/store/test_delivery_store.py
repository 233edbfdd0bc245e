import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.store.keys import DataKeys
from tasks.store.lake import DeliveryKey, Lake
from tasks.store.object_store import FileObjectStore
from tests.dying import dies, tick_before_file_acts

KEY = DeliveryKey("nordmarkt", "footfall", 2, "2026-03-01", 1)
MANIFEST, ROWS = "docs/dt=2026-03-01/manifest.json", "data/zone_hour/dt=2026-03-01/footfall.parquet"
FILES = {MANIFEST: b"{}", ROWS: b"rows" * 1000, "docs/dt=2026-03-01/README.md": b"read me"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(FileObjectStore(tmp_path / "lake"), DataKeys(tmp_path / "keys"))
    lake.open()
    return lake


def test_a_delivery_comes_back_byte_by_byte_under_its_manifests_digest(lake: Lake) -> None:
    sha256 = lake.write_delivery(KEY, FILES)
    assert sha256 == hashlib.sha256(b"{}").hexdigest()
    assert lake.delivery(KEY, sha256) == FILES


def test_writing_the_same_delivery_again_changes_nothing(lake: Lake) -> None:
    assert lake.write_delivery(KEY, FILES) == lake.write_delivery(KEY, FILES)


def test_a_rendering_that_was_never_recorded_does_not_stand_in_the_way_of_another(lake: Lake) -> None:
    other = FILES | {MANIFEST: b'{"grant": "changed"}'}
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


@pytest.mark.parametrize("client", ["..", "a/b", "", ".hidden", "a b"])
def test_a_clients_name_cannot_leave_its_folder(client: str) -> None:
    with pytest.raises(Misconfigured):
        DeliveryKey(client, "footfall", 2, "2026-03-01", 1)


def test_a_delivery_with_its_manifest_is_whole_wherever_its_writer_is_killed(tmp_path: Path) -> None:
    for at in count(1):
        lake = Lake(FileObjectStore(tmp_path / str(at)), DataKeys(tmp_path / "keys"))
        lake.open()

        def act(tick: Callable[[], None], lake: Lake = lake) -> None:
            tick_before_file_acts(tick)
            lake.write_delivery(KEY, FILES)

        killed = dies(act, at)
        written = {info.key.split("/", 6)[6] for info in lake.objects.list("deliveries/")}
        assert written == set(FILES) or MANIFEST not in written
        assert lake.delivery(KEY, lake.write_delivery(KEY, FILES)) == FILES
        if not killed:
            break
