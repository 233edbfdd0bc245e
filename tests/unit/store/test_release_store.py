from collections.abc import Callable
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import Misconfigured, RefusedRelease
from tasks.store.keys import DataKeys
from tasks.store.lake import Lake
from tasks.store.ledger import ReleaseKey
from tasks.store.object_store import FileObjectStore
from tests.dying import dies, tick_before_file_acts
from tests.unit.store.drawn import drawn

KEY = ReleaseKey("footfall", 3, "2026-03-01", 1)
FACTS = {"product": "footfall", "levels": {"zone": 32}}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(FileObjectStore(tmp_path / "lake"), DataKeys(tmp_path / "keys"))
    lake.open()
    return lake


def publish(lake: Lake) -> str:
    sha256 = lake.staged(KEY) or lake.stage_release(KEY, drawn(), FACTS)
    lake.publish_release(KEY, sha256)
    return sha256


def test_a_release_comes_back_as_it_was_drawn_with_its_facts(lake: Lake) -> None:
    protected = drawn()
    sha256 = lake.stage_release(KEY, protected, FACTS)
    lake.publish_release(KEY, sha256)
    release = lake.release(KEY, sha256)
    assert release.table.equals(protected.table)
    assert release.facts == FACTS
    assert lake.drawn_keys() == [KEY]


def test_only_protected_counts_become_a_release(lake: Lake) -> None:
    with pytest.raises(TypeError):
        lake.stage_release(KEY, pa.table({"value": [1.0]}), FACTS)


def test_drawn_bytes_are_never_replaced_by_a_second_draw(lake: Lake) -> None:
    first = lake.stage_release(KEY, drawn(), FACTS)
    assert lake.stage_release(KEY, drawn(), FACTS) == first == lake.staged(KEY)
    lake.publish_release(KEY, first)
    assert lake.stage_release(KEY, drawn(), FACTS) == first == lake.staged(KEY)


def test_staged_bytes_are_drawn_and_no_release_yet(lake: Lake) -> None:
    sha256 = lake.stage_release(KEY, drawn(), FACTS)
    assert lake.drawn_keys() == [KEY]
    with pytest.raises(RefusedRelease, match=str(KEY)) as missing:
        lake.release(KEY, sha256)
    assert missing.value.code == "release.damaged"


def test_publishing_again_changes_nothing(lake: Lake) -> None:
    sha256 = publish(lake)
    lake.publish_release(KEY, sha256)
    assert lake.release(KEY, sha256).table.num_rows == 2


def test_other_bytes_are_refused_and_stay(lake: Lake) -> None:
    path = Path(lake.objects.location) / "releases" / str(KEY) / "release.parquet"
    sha256 = lake.stage_release(KEY, drawn(), FACTS)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other")
    with pytest.raises(RefusedRelease):
        lake.publish_release(KEY, sha256)
    assert path.read_bytes() == b"other"


def test_a_digest_that_was_never_staged_is_refused(lake: Lake) -> None:
    with pytest.raises(RefusedRelease):
        lake.publish_release(KEY, "0" * 64)


def test_an_altered_release_is_refused(lake: Lake) -> None:
    sha256 = publish(lake)
    (Path(lake.objects.location) / "releases" / str(KEY) / "release.parquet").write_bytes(b"altered")
    with pytest.raises(RefusedRelease):
        lake.release(KEY, sha256)


def test_bytes_that_rested_anywhere_when_a_publisher_was_killed_are_what_is_published(tmp_path: Path) -> None:
    for at in count(1):
        lake = Lake(FileObjectStore(tmp_path / str(at)), DataKeys(tmp_path / "keys"))
        lake.open()

        def act(tick: Callable[[], None], lake: Lake = lake) -> None:
            protected = drawn()
            tick_before_file_acts(tick)
            lake.publish_release(KEY, lake.stage_release(KEY, protected, FACTS))

        killed = dies(act, at)
        rested = lake.staged(KEY)
        sha256 = publish(lake)
        assert rested in (None, sha256)
        assert lake.release(KEY, sha256).table.num_rows == 2
        assert lake.staged(KEY) == sha256
        assert not list((Path(lake.objects.location) / "staging").rglob("*.parquet"))
        if not killed:
            break


@pytest.mark.parametrize(
    "words", ["footfall/v3/2026-03-01", "footfall/v0/2026-03-01/r1", "../x/v1/2026-03-01/r1", "f/v1/2026-03-01/r1\n"]
)
def test_a_release_is_named_by_product_version_period_and_revision(words: str) -> None:
    assert str(ReleaseKey.parse(str(KEY))) == str(KEY)
    with pytest.raises(Misconfigured, match="is not a release"):
        ReleaseKey.parse(words)
