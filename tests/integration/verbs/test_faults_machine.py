"""This machine's faults: a full disk, a locked database, a wrong clock, too little memory; and the command again."""

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.forked import Died
from tests.integration.verbs.acting import Act, Tried, attempt, books, perform
from tests.integration.verbs.books import Books, Ended
from tests.integration.verbs.dying_stores import Fault
from tests.integration.verbs.faults import Clock, DiskFull, LittleMemory, Locked, MemoryLimit, nothing
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import DELIVER, INGEST, PUBLISH, Place
from tests.integration.verbs.test_at_once import command
from tests.integration.verbs.test_killed import after_each_call

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
MEGABYTE = 1 << 20
Verbs = dict[str, tuple[Act, Path, Ended]]


@pytest.fixture(scope="session")
def verbs(place: Place, empty: Path, ingested: tuple[Path, Ended], published: tuple[Path, Ended]) -> Verbs:
    """Each verb, the home before it, and how it ends undisturbed."""
    with_client = copied(published[0], place.root / "before a delivery")
    place.apply(with_client, "machine")
    delivered = place.done(DELIVER, with_client, "after a delivery")[1]
    return {
        "ingest": (INGEST, empty, ingested[1]),
        "publish": (PUBLISH, ingested[0], published[1]),
        "deliver": (DELIVER, with_client, delivered),
    }


def home_for(place: Place, verbs: Verbs, verb: str) -> Path:
    """A home in which the verb has nothing done yet."""
    home = copied(verbs[verb][1], Path(mkdtemp(dir=place.root)) / "disturbed")
    if verb == "deliver":
        place.in_a_fresh_folder(home)
    return home


def disturbed(place: Place, verbs: Verbs, verb: str, at: int | str | None, fault: Fault) -> Tried:
    """The verb with a fault, and again without: the books are those of an undisturbed one."""
    act, _, whole = verbs[verb]
    home = home_for(place, verbs, verb)
    tried: Tried = place.warm(attempt, act, home, place.landing, at, fault)
    again = place.warm(perform, act, home, place.landing)
    assert again.books == whole.books, at
    return tried


FULL = {
    ("ingest", "lake", "before lake.new_version"),
    ("ingest", "scratch", "after lake.write_margins"),
    ("ingest", "lake", "after ledger.intend_draw"),
    ("ingest", "catalog.db", "after staged.complete"),
    ("publish", "lake", "before lake.write_eligible"),
    ("publish", "catalog.db", "after lake.stage_release"),
    ("deliver", "catalog.db", "after s3.put_object"),
}


@pytest.mark.parametrize(("verb", "where", "at"), sorted(FULL))
def test_a_verb_on_a_full_disk_waits_and_the_next_one_goes_on(
    place: Place, verbs: Verbs, verb: str, where: str, at: str
) -> None:
    tried = disturbed(place, verbs, verb, at, DiskFull())
    assert (tried.outcome, tried.exit_code) == ("StorageUnavailable", 40), tried.said
    assert where in tried.said
    assert "Free space" in tried.said


def test_a_log_that_cannot_be_written_stops_nobody(place: Place, verbs: Verbs) -> None:
    home = home_for(place, verbs, "publish")
    log = home / "logs" / "throng.jsonl"
    log.unlink()
    log.symlink_to("/dev/full")
    ended = place.warm(perform, PUBLISH, home, place.landing)
    assert (ended.outcome, ended.books) == ("Published", verbs["publish"][2].books)


def test_a_command_whose_words_cannot_be_written_has_done_its_work(place: Place, verbs: Verbs) -> None:
    home = home_for(place, verbs, "publish")
    assert command(place, home, stderr="/dev/full").wait() == 0
    assert command(place, home, stdout="/dev/full").wait() == 40, "a program lacks its answer"
    assert place.warm(perform, PUBLISH, home, place.landing).books == verbs["publish"][2].books


@pytest.mark.parametrize("verb", ["ingest", "publish", "deliver"])
def test_a_database_locked_for_longer_than_the_wait_is_said_as_such(place: Place, verbs: Verbs, verb: str) -> None:
    home = home_for(place, verbs, verb)
    act, _, whole = verbs[verb]
    locked = Locked(home / "catalog.db", seconds=60, wait=0.3)
    tried = place.warm(attempt, act, home, place.landing, "inside catalog.run", locked)
    assert (tried.outcome, tried.exit_code) == ("StorageUnavailable", 40)
    assert "is locked by another process. Wait until that process has ended" in tried.said
    assert place.warm(perform, act, home, place.landing).books == whole.books


def test_a_database_locked_for_less_than_the_wait_is_waited_for(place: Place, verbs: Verbs) -> None:
    home = home_for(place, verbs, "publish")
    locked = Locked(home / "catalog.db", seconds=1, wait=30)
    tried = place.warm(attempt, PUBLISH, home, place.landing, "inside catalog.run", locked)
    assert tried.outcome == "Published"
    assert place.warm(perform, PUBLISH, home, place.landing).books == verbs["publish"][2].books


def test_too_low_a_memory_limit_is_said_as_such(place: Place, verbs: Verbs) -> None:
    tried = disturbed(place, verbs, "ingest", None, MemoryLimit("1MB"))
    assert (tried.outcome, tried.exit_code) == ("StepFailed", 50), tried.said
    assert "THRONG_MEMORY_LIMIT" in tried.said
    assert "run the same command again" in tried.said


@pytest.mark.parametrize("megabytes", [1, 32])
def test_a_process_that_gets_no_memory_blames_no_file(place: Place, verbs: Verbs, megabytes: int) -> None:
    act, _, whole = verbs["ingest"]
    home, little = home_for(place, verbs, "ingest"), LittleMemory(megabytes << 20)
    with suppress(Died):  # some libraries end the process: as kill -9
        tried = place.warm(attempt, act, home, place.landing, "inside catalog.run", little)
        assert tried.exit_code in (0, 40, 50), tried.said
        assert "defect" not in tried.said or "Exception" in tried.said, tried.said
    assert place.warm(perform, act, home, place.landing).books == whole.books


MORNING = datetime(2026, 3, 4, 5, 30, tzinfo=UTC)
"""Half an hour after the day's landing closes."""
HOUR_BACK, DAY_ON = timedelta(hours=-1), timedelta(days=1)


@pytest.fixture(scope="module")
def unmarked(place: Place) -> Place:
    """The landing without _COMPLETE: only the clock closes it."""
    landing = Path(mkdtemp(dir=place.root)) / "landing"
    shutil.copytree(place.landing, landing)
    for mark in landing.rglob("_COMPLETE"):
        mark.unlink()
    return replace(place, landing=landing)


@pytest.fixture(scope="module")
def by_a_right_clock(unmarked: Place, empty: Path) -> Books:
    home = copied(empty, Path(mkdtemp(dir=unmarked.root)) / "right")
    assert chain(unmarked, home, (Clock(MORNING),) * 3) == ["Ingested", "Published", "Delivered"]
    return like(unmarked, home)


def chain(place: Place, home: Path, clocks: tuple[Clock, Clock, Clock]) -> list[str]:
    """Ingest, publish and deliver, each by its clock; how they end."""
    place.in_a_fresh_folder(home)
    verbs = zip((INGEST, PUBLISH, DELIVER), clocks, strict=True)
    return [place.warm(attempt, act, home, place.landing, None, nothing, clock).outcome for act, clock in verbs]


@pytest.mark.parametrize(
    "clocks",
    [
        (Clock(MORNING), Clock(MORNING, HOUR_BACK), Clock(MORNING, DAY_ON)),
        (Clock(MORNING, DAY_ON), Clock(MORNING), Clock(MORNING, HOUR_BACK)),
        *((Clock(MORNING, jump, 2),) * 3 for jump in (HOUR_BACK, DAY_ON)),
    ],
    ids=["back, then on", "on, then back", "back in the walk", "on in the walk"],
)
def test_a_clock_that_jumps_between_verbs_or_within_them_changes_nothing(
    unmarked: Place, empty: Path, by_a_right_clock: Books, clocks: tuple[Clock, Clock, Clock]
) -> None:
    home = copied(empty, Path(mkdtemp(dir=unmarked.root)) / "jumping")
    assert chain(unmarked, home, clocks) == ["Ingested", "Published", "Delivered"]
    assert like(unmarked, home) == by_a_right_clock


def test_a_clock_that_is_slow_waits_for_the_landing_to_close(unmarked: Place, empty: Path) -> None:
    home = copied(empty, Path(mkdtemp(dir=unmarked.root)) / "slow")
    slow, right = Clock(MORNING, HOUR_BACK), Clock(MORNING)
    assert unmarked.warm(attempt, INGEST, home, unmarked.landing, None, nothing, slow).outcome == "AwaitingLanding"
    assert unmarked.warm(attempt, INGEST, home, unmarked.landing, None, nothing, right).outcome == "Ingested"


def like(place: Place, home: Path) -> Books:
    """Books without what the draw decides: two chains draw twice."""
    found: Books = place.warm(books, home, place.landing).books
    drawn = dict.fromkeys(found.bucket, "")
    periods = [{**period, "digest": ""} for index in found.index.values() for period in index["periods"]]
    return replace(found, bucket=drawn, index={"periods": periods})


@pytest.mark.soak
@pytest.mark.parametrize("verb", ["ingest", "publish", "deliver"])
def test_a_disk_that_is_full_from_any_border_on_loses_nothing(place: Place, verbs: Verbs, verb: str) -> None:
    for at in after_each_call(verbs[verb][2].borders):
        assert disturbed(place, verbs, verb, at, DiskFull()).exit_code in (0, 40)
