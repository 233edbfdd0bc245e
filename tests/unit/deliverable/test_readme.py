"""The read-me: its example is the delivery's own, its snippet runs, and foreign text stays text."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.deliverable.files import render
from tasks.deliverable.level_view import LevelView
from tasks.deliverable.markdown import plain
from tasks.deliverable.signature import public_key
from tasks.deliverable.statements import clock_change
from tasks.deliverable.verifier.signatures import key_id
from tasks.deliverable.view import DeliveryView
from tasks.period import Cadence, Period
from tasks.quantity import MINUTES
from tests.unit.deliverable.factories import (
    SIGNING_KEY,
    ZONE,
    dimension,
    grant_view,
    lines,
    release_table,
    release_view,
    rendered,
    revision,
    stored,
    text,
    zones_view,
)


def readme(*zones: str, **changes: Any) -> str:
    return text(rendered(release_view(**changes), grant=grant_view(*zones)))


def test_the_example_is_a_row_of_this_delivery() -> None:
    delivery = rendered()
    content = text(delivery)
    shown = r"\| (Z0\d) \| \w+ \| (\S+) \| \S+ \| \d+ \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) "
    example = re.search(shown + r"\| [\d.]+ \| \w+ \| estimate \|", content)
    assert example
    (row,) = (
        row
        for row in lines(delivery)
        if (row["zone_id"], row["hour_utc"], row["persons"]) == (example[1], example[2], example[3])
    )
    assert (row["persons_low"], row["persons_high"], row["se"]) == example.groups()[3:]


def test_the_read_me_names_the_key_and_the_client_as_one_types_them() -> None:
    content = text(rendered(grant=replace(grant_view(), client="north_market")))
    assert f"`{key_id(public_key(SIGNING_KEY))}`" in content
    assert "`--client north_market`" in content


def test_the_snippet_runs_on_a_revised_period_and_keeps_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = rendered()
    delivery = rendered(delivery=revision(first))
    for path, body in [*first.files.items(), *delivery.files.items()]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(body)
    monkeypatch.chdir(tmp_path)
    snippet = re.search(r"```python\n(.*?)```", text(delivery), re.S)
    assert snippet
    seen: dict[str, Any] = {}
    exec(snippet[1], seen)
    assert "Z01" in capsys.readouterr().out
    assert set(seen["data"].revision) == {2}
    assert len(seen["data"]) == delivery.tables["zone_hour"].num_rows
    assert set(seen["shown"].local.dt.hour) == set(seen["shown"].local_hour)
    exec(text(delivery).split("```python\n")[2].partition("```")[0], seen)
    totals = seen["districts"].reset_index()
    assert totals.persons.sum() == seen["data"].persons.sum()
    assert totals[["rows", "shown"]].sum().to_list() == [len(seen["data"]), len(seen["shown"])]


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (date(2026, 3, 29), "On 2026-03-29 clocks go forward: after hour 1 comes hour 3."),
        (date(2026, 10, 25), "On 2026-10-25 clocks go back: hour 2 appears twice, and hour_utc tells which one."),
    ],
)
def test_a_day_on_which_clocks_change_says_so(day: date, sentence: str) -> None:
    assert clock_change(release_view(day)) == sentence
    assert sentence in text(rendered(release_view(day)))


def test_the_total_of_a_district_is_not_the_sum_of_its_demographic_rows() -> None:
    delivery = rendered()
    statuses = stored(delivery, "district_hour_demographic")["status"].to_pylist()
    missing = 100 - 100 * statuses.count("estimate") / len(statuses)
    assert f"too low: {missing:.0f} % of these rows have no number" in text(delivery)
    assert "too low" not in readme("Z01")


def test_the_snippet_shows_one_level_of_a_table_that_levels_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors = replace(release_view().levels[0], name="zone", dimensions=(ZONE,), additive=frozenset())
    levels = (visitors, replace(visitors, name="zone_twice"))
    delivery = rendered(release_view(product="visitors", levels=levels))
    for path, body in delivery.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(body)
    monkeypatch.chdir(tmp_path)
    content = text(delivery)
    snippet = re.search(r"```python\n(.*?)```", content, re.S)
    assert snippet
    seen: dict[str, Any] = {}
    exec(snippet[1], seen)
    assert set(seen["shown"].level) == {"zone"}


def test_a_week_over_two_months_counts_against_the_limit_of_both() -> None:
    week, within = (Period.holding(Cadence.WEEK, date(2026, 3, day)) for day in (30, 2))
    content = readme(period=week, levels=release_view().levels[:1])
    assert "# Footfall, 2026-W14 (2026-03-30 to 2026-04-05)\n" in content
    assert "The days of this week lie in 2026-03 and 2026-04: the release counts against the limit of each" in content
    assert "counts against the limit" not in readme(period=within)


def test_a_read_me_without_any_count_speaks_of_no_sums_averages_and_thresholds() -> None:
    statistic = dimension("statistic", "median", "mean")
    level = LevelView("length", "Length of visits.", (ZONE, statistic), frozenset(), None, None, 0, quantity=MINUTES)
    content = readme(product="dwell", levels=(level,))
    for word in ("persons_", "threshold |", "**An average**", "A sum of shown", "hours of other days", "\n\n\n"):
        assert word not in content
    assert "for 4 zones. The terms" in content
    assert "Never add minutes: they are no counts." in content


def test_a_client_of_one_zone_is_told_why_there_are_no_district_rows() -> None:
    content = readme("Z01")
    assert "Rows of districts come only to clients who are granted every zone" in content
    assert "Adding two zones" not in content


def test_warnings_of_the_day_are_told() -> None:
    assert "- Few rows came." in readme(warnings=("Few rows came.",))
    assert "no warnings" in readme()


def test_a_delivery_without_any_number_says_so() -> None:
    release, plan = release_view(), zones_view()
    table = release_table(release)
    for column in ("value", "se", "low", "high"):
        table = table.set_column(table.schema.get_field_index(column), column, pa.nulls(table.num_rows, pa.float64()))
    small = pc.if_else(pc.equal(table["status"], "estimate"), "withheld_small", table["status"])
    table = table.set_column(table.schema.get_field_index("status"), "status", small)
    content = text(render(release, table, plan, grant_view(), DeliveryView(1), SIGNING_KEY))
    assert "No number of level `zone_hour` is shown." in content
    assert "A number that is not shown" in content


def test_the_files_of_a_format_are_named() -> None:
    assert "- `zone_hour.csv`, `district_hour_demographic.csv`: the same rows" in text(rendered())


def test_each_column_is_explained_once() -> None:
    named = re.findall(r"^\| `(\w+)` \| \S+.* \| (all|`\w+`) \|", text(rendered()), re.MULTILINE)
    tables = {name: stored(rendered(), name).column_names for name in ("zone_hour", "district_hour_demographic")}
    assert sorted(name for name, _ in named) == sorted({name for names in tables.values() for name in names})
    assert all((of == "all") == all(name in names for names in tables.values()) for name, of in named)


def test_no_blank_or_undefined_gaps_are_left() -> None:
    for content in (readme(), readme("Z01"), readme(warnings=("One.", "Two."))):
        assert "\n\n\n" not in content
        assert "None" not in content


def test_foreign_text_is_inert_markdown() -> None:
    assert plain("a|b\n<b>*x*</b> [y](z) `c`") == r"a\|b \<b\>\*x\*\</b\> \[y\](z) \`c\`"
    content = text(rendered(plan=zones_view(("<script>", "|", "# C", "D"))))
    assert "<script>" not in content
