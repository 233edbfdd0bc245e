"""docs/reference/formats.md knows every key of a mapping; its examples and those of use-your-files.md are mappings."""

import re
from pathlib import Path
from typing import Any

import pytest

from tasks.events.formats import load_formats, parse
from tasks.events.formats.sections import (
    CellFormat,
    EventFormat,
    Ids,
    LandingNames,
    Layout,
    Network,
    RegisterFormat,
    Subscriber,
    TimeForm,
)
from tests.reference_read import Span
from tests.unit.events.factory import landing_file, prepare, read, write

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "formats.md").read_text()
HOW_TO = (DOCS / "how-to" / "use-your-files.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE + HOW_TO, re.DOTALL)
SECTIONS = (CellFormat, EventFormat, Ids, LandingNames, Layout, Network, RegisterFormat, Subscriber, TimeForm)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_of_formats_names_every_key(section: Any) -> None:
    assert not [key for key in section.model_fields if not re.search(rf"`(\w+\.)?{key}`", PAGE)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_of_the_page_is_a_mapping(example: Any) -> None:
    assert parse(example.encode(), "docs/reference/formats.md")


ROWS = {
    "flowkit-etl": ("msisdn,event_time,cell_id\nA0,2026-03-01 10:00:00,7-12\n", "a.csv"),
    "switch": ("x|A0|20260301|90000|7|12\n", "cdr_1.dat"),
    "core": ("IMSI;TS;LAC;CI\nA0;01.03.2026 10:00:00;7;12\n", "a.csv"),
    "probe": ("imsi_hash,event_ts,lat,lon\na0,1772355600000,0.01,0.0\n", "a.csv"),
}


@pytest.mark.parametrize("name", ROWS)
def test_each_public_layout_of_the_page_is_read(tmp_path: Path, name: Any) -> None:
    text, file = ROWS[name]
    example = next(each for each in EXAMPLES if f"[events.{name}]" in each)
    (tmp_path / "formats.toml").write_text(example)
    context = prepare(tmp_path / "day", {"A0": Span(0, 0, 86_400)}, {"7-12": [Span(0, 0, 86_400)]})
    formats = load_formats(tmp_path / "formats.toml")
    written = landing_file(write(tmp_path / file, text.encode()))
    assert read([written], context, tmp_path / "out", formats=formats)[0].account.kept == 1
