"""docs/formats.md knows every key of a mapping, and its examples are mappings."""

import re
from pathlib import Path

import pytest

from tasks.events.formats import parse
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

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
SECTIONS = (CellFormat, EventFormat, Ids, LandingNames, Layout, Network, RegisterFormat, Subscriber, TimeForm)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_of_formats_names_every_key(section) -> None:
    assert not [key for key in section.model_fields if not re.search(rf"`(\w+\.)?{key}`", PAGE)]


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_each_example_of_the_page_is_a_mapping(example) -> None:
    assert parse(example.encode(), "docs/formats.md")
