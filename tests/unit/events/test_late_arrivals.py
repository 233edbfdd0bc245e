"""What has come, changed or gone in the landing since a day was made from it."""

from pathlib import Path

from tasks.events.landing import find_day
from tasks.events.late_arrivals import LateArrivals, late_files, listing_of
from tasks.refs import Listing
from tests.unit.events.factory import DAY, at, times, write

LATER = at("2026-03-05T06:00:00+01:00")
FOLDER = f"events/date={DAY}"


def listed(root: Path) -> Listing:
    return listing_of(find_day(root, DAY, times(), LATER).files)


def late(root: Path, before: Listing) -> LateArrivals:
    return late_files(before, find_day(root, DAY, times(), LATER).files)


def put(root: Path, **files: bytes) -> None:
    for name, content in files.items():
        write(root / FOLDER / f"{name}.csv", content)


def test_what_arrives_changes_or_goes_after_a_day_was_made_is_named_with_its_size(tmp_path: Path) -> None:
    put(tmp_path, a=b"x", b=b"x", c=b"x")
    before = listed(tmp_path)
    assert not late(tmp_path, before)
    put(tmp_path, b=b"longer", d=b"xyz")
    (tmp_path / FOLDER / "c.csv").unlink()
    found = late(tmp_path, before)
    assert found == LateArrivals((f"{FOLDER}/d.csv",), (f"{FOLDER}/b.csv",), (f"{FOLDER}/c.csv",), 9)
    assert (
        str(found) == f"1 file arrived ({FOLDER}/d.csv); 1 file changed ({FOLDER}/b.csv); 1 file gone ({FOLDER}/c.csv)"
    )


def test_a_file_written_again_with_the_same_size_has_changed(tmp_path: Path) -> None:
    put(tmp_path, a=b"x")
    before = {name: (size, changed - 1) for name, (size, changed) in listed(tmp_path).items()}
    assert late(tmp_path, before).changed == (f"{FOLDER}/a.csv",)


def test_of_many_files_three_are_named(tmp_path: Path) -> None:
    put(tmp_path, a=b"x")
    before = listed(tmp_path)
    put(tmp_path, **{f"late{n}": b"x" for n in range(5)})
    assert str(late(tmp_path, before)).endswith("late2.csv and 2 more)")
    assert str(late(tmp_path, before)).startswith("5 files arrived (")


def test_nothing_is_known_to_be_late_for_a_day_whose_files_were_never_listed(tmp_path: Path) -> None:
    put(tmp_path, a=b"x")
    assert not late(tmp_path, {})
