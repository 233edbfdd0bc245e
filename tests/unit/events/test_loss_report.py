"""Where a day's rows went: in counts by reason, and in forms of what could not be used; never in a value."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.events.files import group_files
from tasks.events.loss_report import CELLS, IDS, TIMES, explain_loss, loss_shapes
from tasks.events.read import ReadResult
from tests.reference_read import Span
from tests.unit.events.factory import csv_bytes, landing_file, prepare, read, write, write_parquet

ALL_DAY = Span(0, 0, 86_400)
Row = tuple[str, str, str, str]


def lost(
    folder: Path, rows: Sequence[Row], panel: Sequence[str] = ("A-1", "A-2", "A-3")
) -> tuple[ReadResult, dict[Any, Any]]:
    """The account of a file of these rows, and the forms of what it lost."""
    members = {name: Span(rank, 0, 86_400) for rank, name in enumerate(panel)}
    context = prepare(folder, members, {f"262-{n}": [Span(n, 0, 86_400)] for n in range(3)})
    files = [landing_file(write(folder / "e.csv", csv_bytes(rows)))]
    found, _ = read(files, context, folder / "out")
    return found, loss_shapes(group_files(files)[0], context)


def test_times_that_were_not_read_are_told_by_number_and_form(tmp_path: Path) -> None:
    found, forms = lost(tmp_path, [("A-1", f"01.03.2026 0{n}:30", "262-1", "") for n in range(5)])
    assert forms[TIMES] == "99.99.9999 99:99"
    said = explain_loss(found, 3, forms)
    assert "5 of 5 times" in said["bad_times"]
    assert forms[TIMES] in said["bad_times"]
    assert said["bad_times"] in said["rows_kept"]


def test_ids_and_cells_that_nobody_knows_are_told_beside_those_that_are_known(tmp_path: Path) -> None:
    _, forms = lost(tmp_path, [(f"  A-{n}", "2026-03-01T10:00:00", f"9{n}", "") for n in range(4)])
    assert (forms[IDS[0]], forms[IDS[1]]) == ("  a-9", "a-9")
    assert (forms[CELLS[0]], forms[CELLS[1]]) == ("99", "999-9")


def test_what_was_read_has_no_form(tmp_path: Path) -> None:
    found, forms = lost(tmp_path, [("A-1", "2026-03-01T10:00:00", "262-1", "")] * 3)
    assert not forms.keys() & {TIMES, IDS[0], CELLS[0]}
    assert explain_loss(found, 3, {})["bad_times"] == explain_loss(found, 3, {})["unusable_cells"] == ""


def test_a_file_of_instants_has_no_time_that_could_not_be_read(tmp_path: Path) -> None:
    context = prepare(tmp_path, {"A-1": ALL_DAY}, {"c": [ALL_DAY]})
    instants = pa.array([0, 1, 2], pa.timestamp("us", "UTC"))
    columns = {"event_at": instants} | {
        name: pa.array(["x"] * 3) for name in ("subscriber_id", "cell_id", "event_type")
    }
    groups, _ = group_files([landing_file(write_parquet(tmp_path / "e.parquet", columns))])
    assert loss_shapes(groups, context) == {IDS[0]: "a", CELLS[0]: "a"}


def test_a_damaged_file_has_no_form(tmp_path: Path) -> None:
    context = prepare(tmp_path, {"A-1": ALL_DAY}, {"c": [ALL_DAY]})
    rows = [("x", f"01.03.2026 0{n}:30", "y", "") for n in range(5)]
    file = landing_file(write(tmp_path / "e.csv.gz", csv_bytes(rows)))
    groups, _ = group_files([file])
    file.path.write_bytes(file.path.read_bytes()[:20])
    assert loss_shapes(groups, context) == {}


def test_the_most_frequent_reasons_are_named_and_an_empty_panel(tmp_path: Path) -> None:
    found, _ = lost(tmp_path, [("B-1", "2026-03-01T10:00:00", "262-1", ""), ("", "", "", "")], panel=())
    somebody, nobody = (explain_loss(found, panel, {})["rows_kept"] for panel in (1, 0))
    assert "1 are no_consent" in somebody
    assert "1 are missing_subscriber" in somebody
    assert nobody.startswith(somebody)
    assert len(nobody) > len(somebody)


def test_files_without_a_row_are_counted(tmp_path: Path) -> None:
    found, forms = lost(tmp_path, [])
    assert "1 files" in explain_loss(found, 1, forms)["rows_kept"]
