"""docs/reference/landing.md names each column that is read, each reason, and each file that is ignored."""

import re
from pathlib import Path

import pytest

from tasks.events import consent, panel
from tasks.events.folders import IGNORED
from tasks.events.formats import parse, shipped
from tasks.events.formats.expressions import kinds
from tasks.events.reasons import Reason
from tasks.mobility import census_file
from tests.error_codes import PLAN_RULES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "landing.md").read_text()
NAMED = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_each_column_of_a_shipped_format_is_named() -> None:
    used = {column for each in shipped().events.values() for column in kinds(each)}
    assert used <= NAMED


@pytest.mark.parametrize(
    "columns",
    [
        (*panel.SUBSCRIBER_COLUMNS, "active_from"),
        consent.CONSENT_COLUMNS,
        (*("cell_id", "latitude", "longitude", "valid_from", "valid_to"), "valid_date_start", "valid_date_end"),
        ("zone_id", "parent_id", "parent_name", "name", "sensitive", "area_type"),
        census_file.COLUMNS,
    ],
    ids=["subscribers", "consents", "cells", "zones", "population"],
)
def test_each_column_of_a_register_is_named(columns: tuple[str, ...]) -> None:
    assert {*columns} <= NAMED


def test_each_reason_has_its_line_and_what_to_do() -> None:
    lines = {line.split("|")[1].strip(): line.count("|") for line in PAGE.splitlines() if line.startswith("| `")}
    assert [reason for reason in Reason if lines.get(f"`{reason}`") != 4] == []


def test_each_rule_for_cells_and_zones_has_its_line() -> None:
    lines = [[cell.strip() for cell in line.split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
    said = {line[1].strip("`"): line[3] for line in lines if "." in line[1]}
    fails = {rule.code: "all of them" if rule.fails_from else "one" for rule in PLAN_RULES}
    assert said == fails | {rule.code: "warns" for rule in PLAN_RULES if rule.severity == "warning"}


def test_each_ignored_name_is_told() -> None:
    assert {pattern.lower() for pattern in IGNORED} <= {name.lower() for name in NAMED}


def test_the_mapping_that_is_shown_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(text.encode(), "it").events["own"].cell.column == ("LAC", "CI")
