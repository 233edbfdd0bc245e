"""Exact facts of a day's files: which could not be read, which hold no row, and how late the newest came."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.events.file_facts import file_facts
from tasks.events.files import RejectedFile
from tasks.events.formats import Formats
from tasks.events.landing import DayLanding, LandingFile
from tasks.events.read import ReadResult
from tasks.events.reasons import Reason
from tasks.events.row_counts import RowCounts
from tests.unit.events.factory import DAY

END = datetime(2026, 3, 1, 23, tzinfo=UTC)
FILES = tuple(LandingFile(Path(name), name, DAY, 1, 1) for name in ("a.csv", "b.csv", "c.csv", "d.csv"))
LANDING = DayLanding(Path(), DAY, Formats.model_validate({}), (), FILES, True, END + timedelta(hours=3))
READ = ReadResult(
    RowCounts({"a.csv": 10, "b.csv": 0}, {("a.csv", Reason.UNREADABLE_ROW): 2, ("a.csv", Reason.NO_CONSENT): 3}, 5),
    unreadable=(RejectedFile("c.csv", "it is damaged"),),
    unfit={Reason.BAD_TIME: 4},
)


def test_files_and_rows_are_counted_whoever_is_in_them() -> None:
    facts = file_facts(LANDING, READ, (RejectedFile("d.csv", "it is empty"),), END)
    assert (facts.files, len(facts.rejected), facts.empty) == (4, 2, ("b.csv",))
    assert (facts.rows, facts.kept, facts.unreadable_rows, facts.missing_subscribers) == (10, 5, 2, 0)
    assert facts.having(Reason.BAD_TIME, Reason.MISSING_TIME) == 4
    assert facts.lateness_hours == 3


def test_a_file_that_came_before_the_days_end_is_not_late() -> None:
    early = replace(LANDING, newest=END - timedelta(hours=1))
    assert file_facts(early, READ, (), END).lateness_hours == 0
    assert file_facts(replace(LANDING, newest=None), READ, (), END).lateness_hours == 0
