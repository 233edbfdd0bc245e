"""A stranger's line of any bytes, anywhere in a file of any format: no other row is read in another way."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.events.files import group_files
from tasks.events.formats import Formats, load_formats
from tasks.events.read import ReadResult, read_group
from tests.reference_read import Span
from tests.unit.events.factory import DAY, landing_file, prepare

MEMBERS = {f"m{n}": Span(n, 0, 86_400) for n in range(3)}
SECOND = 1_772_323_200
MAPPING = """
[events.counted]
subscriber = "who"
time = { column = "ms", unit = "ms" }
cell = { column = ["mcc", "lac", "ci"] }
null_words = ["NULL"]

[events.written]
separator = ";"
subscriber = "who"
time = { column = ["day", "clock"], pattern = ["%d.%m.%Y", "%H%M%S"] }
cell = "cell"

[events.placed]
subscriber = "who"
time = { column = "epoch", unit = "ns" }
cell = { latitude = "lat", longitude = "lon" }

[events.bare]
separator = "|"
header = false
names = ["who", "seconds", "cell"]
subscriber = "who"
time = { column = "seconds", unit = "s" }
cell = "cell"
"""


@dataclass(frozen=True)
class Written:
    """A format's first line, if it has one, and how it writes a row of member, hour and cell."""

    header: str
    row: str
    separator: str = ","


FORMATS = {
    "native": Written("subscriber_id,event_at,cell_id,event_type", f"{{0}},{DAY}T{{1:02d}}:00:00+01:00,1-2-{{2}},x"),
    "eurostat": Written("user_id,timestamp,mcc,mnc,plmn,cell_id", f"{{0}},{DAY} {{1:02d}}:00:00,262,07,,1-2-{{2}}"),
    "flowkit": Written("msisdn,datetime,location_id", f"{{0}},{DAY} {{1:02d}}:00:00,1-2-{{2}}"),
    "counted": Written("who,ms,mcc,lac,ci", "{0},{3}000,1,2,{2}"),
    "written": Written("who;day;clock;cell", "{0};01.03.2026;{1}0000;1-2-{2}", ";"),
    "placed": Written("who,epoch,lat,lon", "{0},{3}000000000,50.{2},8.5"),
    "bare": Written("", "{0}|{3}|1-2-{2}", "|"),
}
TEXTS = (
    *("", "0", "-1", "9" * 19, "9" * 40, "1e400", "-1e-400", "nan", "inf", "infinity", "-infinity", "NULL", "0x1f"),
    *("9999999-12-31", "0000-00-00 00:00:00", "2026-02-30 10:00:00", "294247-01-10 04:00:54.775807", "epoch", "now"),
    *("31.12.9999", "00.00.0000", "246060", '"', '""', '"a', 'a"', '"a"b', "\\", "\\N", "'", "%", "_", "{}", "[1]"),
    *(
        " ",
        "\t",
        "\x0b",
        "\x1c",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u202e",
        "\U0010ffff",
        " 1-2-0 ",
        "a\rb",
        "\0",
        "x" * 70_000,
    ),
)
ODD = st.sampled_from([text.encode() for text in TEXTS]) | st.binary(max_size=6)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A stranger's line: odd values, often as many as there are columns; or nothing but bytes."""
    separator = draw(st.sampled_from([b",", b";", b"|"]))
    values = [draw(st.sampled_from([b"stranger", b" stranger\t", b"M0"])), *draw(st.lists(ODD, max_size=6))]
    return separator.join(values) if draw(st.booleans()) else draw(st.binary(max_size=200))


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Formats:
    path = tmp_path_factory.mktemp("mapping") / "formats.toml"
    path.write_text(MAPPING)
    return load_formats(path)


def rows(written: Written) -> list[bytes]:
    return [
        written.row.format(member, hour, hour % 2, SECOND + hour * 3600).encode()
        for member in MEMBERS
        for hour in range(10, 14)
    ]


def read(folder: Path, content: bytes, formats: Formats) -> tuple[ReadResult, list[int]]:
    cells = {f"1-2-{n}": [Span(n, 0, 86_400)] for n in range(2)}
    context = prepare(folder / "day", MEMBERS, cells, places={f"1-2-{n}": (50 + n / 10, 8.5) for n in range(2)})
    path, out = folder / "e.csv", folder / "out"
    path.write_bytes(content)
    out.mkdir()
    (group,), unreadable = group_files([landing_file(path)], formats)
    assert not unreadable
    found = read_group(group, context, out, partitions=1, memory_limit="200MB", threads=1)
    return found, np.sort(np.fromfile(out / "b00000.keys", np.int64)).tolist()


@pytest.fixture(scope="module")
def clean(formats: Formats, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    found = {}
    for name, written in FORMATS.items():
        content = "\n".join(filter(None, [written.header])).encode() + b"\n" * bool(written.header)
        account, found[name] = read(tmp_path_factory.mktemp(name), content + b"\n".join(rows(written)), formats)
        assert account.account.kept == 12
    return found


@settings(max_examples=60)
@given(st.sampled_from(sorted(FORMATS)), lines(), st.integers(0, 12))
@example("bare", b"stranger|\xff|", 0)
@example("bare", b'"stranger', 0)
def test_a_line_of_any_bytes_changes_no_other_row(
    formats: Formats, clean: dict[str, list[int]], name: Any, line: Any, place: Any
) -> None:
    written = FORMATS[name]
    content = rows(written)
    content.insert(place, line)
    header = [written.header.encode()] if written.header else []
    with tempfile.TemporaryDirectory() as folder:
        found, keys = read(Path(folder), b"\n".join([*header, *content]), formats)
    assert keys == clean[name]
    assert found.account.kept == 12
