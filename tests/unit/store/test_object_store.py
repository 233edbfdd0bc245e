"""What every object store keeps, whatever its backend."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tasks.errors import StorageUnavailable
from tasks.store.object_store import FileObjectStore, InstallationPart, MissingObject, ObjectInfo, ObjectStore
from tests.dying import dies, in_child, on_nth_file_event, tick_before_file_acts

BACKENDS: dict[str, Callable[[Path], ObjectStore]] = {"file": lambda folder: FileObjectStore(folder / "objects")}
DAY, MONTH = "presence/date=2026-03-01/part-1.sealed", "month_state/period=2026-03/date=2026-03-01/part-1.sealed"


@pytest.fixture(params=BACKENDS)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    store = BACKENDS[request.param](tmp_path)
    store.open()
    return store


def test_an_object_comes_back_byte_by_byte(objects: ObjectStore) -> None:
    objects.put(DAY, b"rows")
    assert objects.get(DAY) == b"rows"
    assert objects.size(DAY) == 4


def test_a_missing_object_is_said_to_be_missing(objects: ObjectStore) -> None:
    objects.put(DAY, b"rows")
    for key in (MONTH, "presence", f"{DAY}/below"):
        assert objects.size(key) is None
    for key in (MONTH, f"{DAY}/below"):
        with pytest.raises(MissingObject) as caught:
            objects.get(key)
        assert caught.value.code == "lake.object_missing"


def test_a_second_object_takes_the_place_of_the_first_only_where_that_is_asked(objects: ObjectStore) -> None:
    assert objects.put_if_absent(DAY, b"first")
    assert not objects.put_if_absent(DAY, b"second")
    assert objects.get(DAY) == b"first"
    objects.put(DAY, b"third")
    assert objects.get(DAY) == b"third"


def test_of_concurrent_writers_exactly_one_wins(objects: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as writers:
        won = list(writers.map(lambda n: objects.put_if_absent(DAY, b"%d" % n), range(8)))
    assert won.count(True) == 1
    assert objects.get(DAY) == b"%d" % won.index(True)


def test_objects_and_folders_are_listed_below_a_prefix(objects: ObjectStore) -> None:
    objects.put(DAY, b"rows")
    objects.put(MONTH, b"more rows")
    objects.put("installation", b"id")
    found = [ObjectInfo(DAY, 4), ObjectInfo("installation", 2), ObjectInfo(MONTH, 9)]
    assert sorted(objects.list("")) == sorted(found)
    assert list(objects.list("presence/date=2026-03-01/")) == [ObjectInfo(DAY, 4)]
    assert list(objects.list("presence/date=2026-03-02/")) == []
    assert objects.folders("") == ("month_state", "presence")
    assert objects.folders("month_state/") == ("period=2026-03",)
    assert objects.folders("stays/") == ()


def test_a_deleted_object_is_gone_and_its_empty_folders_too(objects: ObjectStore) -> None:
    objects.put(DAY, b"rows")
    objects.put("presence/date=2026-03-02/part-1.sealed", b"rows")
    for _ in range(2):
        objects.delete(DAY)
    assert objects.size(DAY) is None
    assert objects.folders("presence/") == ("date=2026-03-02",)
    objects.delete("presence/date=2026-03-02/part-1.sealed")
    assert objects.folders("") == ()


def test_writers_and_deleters_of_neighbours_do_not_disturb_each_other(objects: ObjectStore) -> None:
    def act(number: int) -> None:
        for _ in range(50):
            objects.put(f"presence/date={number}/part", b"rows")
            objects.delete(f"presence/date={number}/part")

    with ThreadPoolExecutor(4) as actors:
        list(actors.map(act, range(4)))
    assert list(objects.list("")) == []


@pytest.mark.parametrize("act", ["put", "delete", "list", "folders", "get"])
def test_a_neighbour_that_deletes_at_any_moment_disturbs_nobody(tmp_path: Path, act: str) -> None:
    neighbour = "presence/date=2026-03-02/part-1.sealed"
    calls: dict[str, Callable[[ObjectStore], object]] = {
        "put": lambda objects: objects.put(DAY, b"new"),
        "delete": lambda objects: objects.delete(DAY),
        "list": lambda objects: {info.key for info in objects.list("")} >= {DAY},
        "folders": lambda objects: objects.folders("presence/"),
        "get": lambda objects: objects.get(DAY),
    }
    for at in count(1):
        objects = FileObjectStore(tmp_path / str(at))
        objects.open()
        for key in (DAY, neighbour):
            objects.put(key, b"rows")

        def disturbed(objects: FileObjectStore = objects, at: int = at) -> bool:
            reached = on_nth_file_event(at, lambda: objects.delete(neighbour))
            assert calls[act](objects) is not False
            return reached()

        if not in_child(disturbed):
            break
        assert objects.size(DAY) == {"put": 3, "delete": None}.get(act, 4)
    assert at > 1


def test_objects_are_files_for_this_user_alone(tmp_path: Path) -> None:
    objects = FileObjectStore(tmp_path / "objects")
    objects.put("a/b/file", b"x")
    found = (tmp_path / "objects").rglob("*")
    modes = {path.relative_to(tmp_path / "objects").as_posix(): stat.S_IMODE(path.stat().st_mode) for path in found}
    assert modes == {".unfinished": 0o700, "a": 0o700, "a/b": 0o700, "a/b/file": 0o600}


def test_only_an_empty_part_is_marked(objects: ObjectStore) -> None:
    part = InstallationPart(objects)
    assert part.marked() is None
    part.mark("one")
    part.mark("two")
    assert part.marked() == "one"
    objects.delete("installation")
    objects.put(DAY, b"rows")
    part.mark("three")
    assert part.marked() is None


def test_a_folder_in_the_place_of_an_object_is_a_fault_of_the_store(objects: ObjectStore) -> None:
    objects.put(DAY, b"rows")
    with pytest.raises(StorageUnavailable):
        objects.put("presence", b"rows")


@pytest.mark.parametrize("act", ["put", "put_if_absent"])
def test_an_object_is_whole_or_absent_wherever_its_writer_is_killed(tmp_path: Path, act: str) -> None:
    for at in count(1):
        objects = FileObjectStore(tmp_path / str(at))
        objects.open()

        def write(tick: Callable[[], None], objects: FileObjectStore = objects) -> None:
            tick_before_file_acts(tick)
            getattr(objects, act)(DAY, b"rows" * 100)

        killed = dies(write, at)
        objects.open()
        assert not list((tmp_path / str(at) / ".unfinished").iterdir())
        assert [info.bytes for info in objects.list("")] in ([], [400])
        objects.put(DAY, b"again")
        assert objects.get(DAY) == b"again"
        if not killed:
            break
