"""Each error has a stable code, one class and a row in docs/reference/error-codes.md."""

import re
from itertools import groupby

import pytest

from tests.error_codes import PAGE, Site, sites


@pytest.fixture(scope="module", name="found")
def _found() -> list[Site]:
    return sorted(sites())


def test_each_error_has_a_code_of_an_area_and_a_reason(found: list[Site]) -> None:
    assert len(found) > 200
    assert [site.what for site in found if not re.fullmatch(r"[a-z]+\.[a-z0-9]+(_[a-z0-9]+)*", site.code)] == []


def test_a_code_has_one_class(found: list[Site]) -> None:
    kinds = {code: {site.kind for site in group} for code, group in groupby(found, lambda site: site.code)}
    assert {code: names for code, names in kinds.items() if len(names) > 1} == {}


def test_the_page_lists_the_codes_and_their_exit_codes(found: list[Site]) -> None:
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert {(code, int(exit_code)) for code, exit_code in rows} == {(site.code, site.exit_code) for site in found}


def test_the_runbook_names_codes_that_exist(found: list[Site]) -> None:
    named = re.findall(r"`([a-z]+\.[a-z][a-z0-9_]+)`", (PAGE.parents[1] / "how-to" / "runbook.md").read_text())
    files = (".toml", ".json", ".jsonl", ".db", ".log", ".prom", ".md", ".granted_at")
    known = {site.code for site in found}
    assert [code for code in named if code not in known and not code.endswith(files)] == []
