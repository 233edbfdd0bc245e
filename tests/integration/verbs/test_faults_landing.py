"""The landing changes while it is read: nothing is made of two versions, the next run takes the one that is there."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.plan import daily_plan
from tasks.privacy.noise import production_noise
from tasks.store import open_stores
from tests.integration.verbs.acting import DAY, Act, Tried, attempt, books, perform
from tests.integration.verbs.books import Books, Ended
from tests.integration.verbs.dying_stores import Fault
from tests.integration.verbs.faults import Removed, Replaced, WhenRead
from tests.integration.verbs.faults import nothing as no_fault
from tests.integration.verbs.homes import copied, settings
from tests.integration.verbs.place import INGEST, PUBLISH, Place
from tests.publisher import publisher

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
EVENTS = f"events/date={DAY}/part-00.parquet"
BEFORE_READING, AFTER_READING = "after catalog.begin_day", "after staged.write"


def fewer_rows(source: Path, target: Path) -> None:
    table = pq.read_table(source)
    pq.write_table(table.slice(0, len(table) // 2), target)


def a_row_less(source: Path, target: Path) -> None:
    """What a register may lose from one day to the next: no withdrawal, and not its newest entry."""
    table = pq.ParquetFile(source).read()
    left = table["withdrawn_at"].to_pylist() if "withdrawn_at" in table.column_names else [None]
    place = left.index(None)
    pq.write_table(pa.concat_tables([table.slice(0, place), table.slice(place + 1)]), target)


def a_column_less(source: Path, target: Path) -> None:
    table = pq.ParquetFile(source).read()
    pq.write_table(table.drop_columns(table.column_names[:2]), target)


def half_a_file(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])


def nothing(source: Path, target: Path) -> None:
    """The file is gone."""


Change = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Landings:
    """A landing, the same after a change of one of its files, and what makes this of that."""

    before: Path
    after: Path
    fault: Fault

    def undisturbed(self, place: Place, act: Act, home: Path) -> Books:
        """What the act makes of the changed landing."""
        return replace(place, landing=self.after).done(act, home, "undisturbed")[1].books


def changed(place: Place, name: str, change: Change, in_place: bool = False) -> Landings:
    """The place's landing twice, in the second one a file changed; the first one's is to follow."""
    before, after, spare = (Path(mkdtemp(dir=place.root)) / "landing" for _ in range(3))
    for landing in (before, after):
        shutil.copytree(place.landing, landing)
    spare.mkdir()
    change(before / name, spare / "new")
    if not (spare / "new").exists():
        (after / name).unlink()
        return Landings(before, after, Removed(before / name))
    shutil.copyfile(spare / "new", after / name)
    return Landings(before, after, Replaced(before / name, spare / "new", in_place))


def tried(place: Place, act: Act, before: Path, landings: Landings, at: int | str, fault: Fault) -> tuple[Tried, Ended]:
    """The act while the landing changes, and again over what is there then."""
    home = copied(before, Path(mkdtemp(dir=place.root)) / "disturbed")
    first = place.warm(attempt, act, home, landings.before, at, fault)
    return first, place.warm(perform, act, home, landings.before)


@pytest.mark.parametrize(
    ("at", "name", "change"),
    [
        (BEFORE_READING, EVENTS, fewer_rows),
        (BEFORE_READING, EVENTS, a_column_less),
        (BEFORE_READING, "consents.parquet", a_row_less),
        (BEFORE_READING, "cells.parquet", fewer_rows),
        (AFTER_READING, EVENTS, nothing),
        (AFTER_READING, "consents.parquet", a_row_less),
    ],
)
def test_an_ingest_whose_landing_changes_waits_and_the_next_one_takes_the_new_one(
    place: Place, empty: Path, at: str, name: str, change: Change
) -> None:
    landings = changed(place, name, change)
    first, again = tried(place, INGEST, empty, landings, at, landings.fault)
    assert (first.outcome, first.exit_code) == ("StorageUnavailable", 40), first.said
    assert f"landing of {DAY} changed while it was read" in first.said
    whole = landings.undisturbed(place, INGEST, empty)
    assert again.books == whole


def test_an_event_file_that_comes_after_reading_is_for_the_next_ingest(place: Place, empty: Path) -> None:
    landings = changed(place, EVENTS, fewer_rows)
    first, again = tried(place, INGEST, empty, landings, "before ledger.reserve", landings.fault)
    assert first.outcome == "Ingested"
    home = copied(empty, Path(mkdtemp(dir=place.root)) / "one after the other")
    place.warm(perform, INGEST, home, place.landing)
    assert again.books == place.warm(perform, INGEST, home, landings.after).books
    assert [(day[1], str(day[2])) for day in again.books.days] == [(1, "superseded"), (2, "current")]


def stale(home: Path, landing: Path) -> tuple[str, ...]:
    """What has changed since the release was drawn."""
    reference = publisher(open_stores(settings(home, landing)), production_noise())("footfall", str(DAY))
    assert reference.outcome == "AlreadyPublished"
    return reference.stale


@pytest.mark.parametrize("name", ["consents.parquet", "subscribers.parquet"])
@pytest.mark.parametrize("change", [a_row_less, a_column_less, half_a_file])
def test_a_release_counts_whom_one_version_of_the_registers_allows(
    place: Place, ingested: tuple[Path, Ended], name: str, change: Change
) -> None:
    landings = changed(place, name, change, in_place=change is half_a_file)
    home = copied(ingested[0], Path(mkdtemp(dir=place.root)) / "half read")
    fault = WhenRead(landings.fault)
    first = place.warm(attempt, PUBLISH, home, landings.before, "inside locks.hold", fault)
    assert (first.outcome, first.exit_code) == ("StorageUnavailable", 40), first.said
    assert "The subscribers or consents file changed while it was read" in first.said
    again = place.warm(perform, PUBLISH, home, landings.before)
    if change is a_row_less:
        assert again.books == landings.undisturbed(place, PUBLISH, ingested[0])
        assert set(again.intents.values()) == {1}
        assert place.warm(stale, home, landings.before) == ()
    else:
        assert again.outcome == "RejectedInput"


@pytest.mark.parametrize("border", ["inside locks.hold", "after lake.check_files"])
def test_consents_exchanged_before_they_are_read_are_those_of_the_release(
    place: Place, ingested: tuple[Path, Ended], border: str
) -> None:
    landings = changed(place, "consents.parquet", a_row_less)
    home = copied(ingested[0], Path(mkdtemp(dir=place.root)) / "before reading")
    first = place.warm(attempt, PUBLISH, home, landings.before, border, landings.fault)
    assert first.outcome == "Published"
    assert place.warm(books, home, landings.before).books == landings.undisturbed(place, PUBLISH, ingested[0])
    assert place.warm(stale, home, landings.before) == ()


def test_consents_exchanged_after_they_were_read_make_the_release_stale(
    place: Place, ingested: tuple[Path, Ended], published: tuple[Path, Ended]
) -> None:
    landings = changed(place, "consents.parquet", a_row_less)
    home = copied(ingested[0], Path(mkdtemp(dir=place.root)) / "after reading")
    first = place.warm(attempt, PUBLISH, home, landings.before, "before lake.write_eligible", landings.fault)
    assert first.outcome == "Published"
    assert place.warm(books, home, landings.before).books == published[1].books
    assert place.warm(stale, home, landings.before) == (
        "the subscribers or consents file, or its mapping, changed since",
    )


def test_consents_withdrawn_between_ingest_and_publish_are_as_if_never_given(place: Place, empty: Path) -> None:
    landings = changed(place, "consents.parquet", a_row_less)
    home = replace(place, landing=landings.before).done(INGEST, empty, "between")[0]
    landings.fault()
    between = place.warm(perform, PUBLISH, home, landings.before)
    never = replace(place, landing=landings.after).done(INGEST, empty, "never")[0]
    without = place.warm(perform, PUBLISH, never, landings.after)
    assert between.books.releases == without.books.releases
    allowed = [
        {name: bytes_ for name, bytes_ in ended.books.lake.items() if "allowed" in name} for ended in (between, without)
    ]
    assert allowed[0] == allowed[1] != {}


def due(home: Path, landing: Path) -> list[tuple[str, str]]:
    """State and verb of what the schedule would do on the morning after."""
    plan = daily_plan(open_stores(settings(home, landing)), datetime(DAY.year, DAY.month, DAY.day + 1, 8, tzinfo=UTC))
    return [(str(step.state), step.verb) for step in plan.due if step.period == str(DAY) and step.verb == "ingest"]


@pytest.mark.parametrize("name", [EVENTS, "consents.parquet", "cells.parquet"])
def test_a_day_that_was_tried_in_vain_is_due_again_once_any_file_of_its_landing_is_mended(
    place: Place, empty: Path, name: str
) -> None:
    landing = Path(mkdtemp(dir=place.root)) / "landing"
    shutil.copytree(place.landing, landing)
    spoilt = sorted((landing / name).parent.glob("part-*")) if name == EVENTS else [landing / name]
    for file in spoilt:
        half_a_file(file, file)
    home = copied(empty, Path(mkdtemp(dir=place.root)) / "in vain")
    first = place.warm(attempt, INGEST, home, landing, None, no_fault)
    assert (first.outcome, first.exit_code) == ("RejectedInput", 10)
    if name == EVENTS:  # of a day that its registers or cells stop nothing is kept that could tell if they changed
        assert place.warm(due, home, landing) == []
    for file in spoilt:
        shutil.copyfile(place.landing / file.relative_to(landing), file)
    assert place.warm(due, home, landing) == [("failed", "ingest")]
