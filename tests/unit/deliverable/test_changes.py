"""A revision says why it exists, and what it changes of what its client already has."""

from dataclasses import replace
from typing import Any

import pytest

from tasks.deliverable.changes import ChangeReason
from tasks.deliverable.files import Rendered, render
from tasks.deliverable.view import GrantView, ReleaseView, ZonesView
from tests.unit.deliverable.factories import (
    SIGNING_KEY,
    grant_view,
    manifest,
    release_table,
    release_view,
    rendered,
    revision,
    text,
    zones_view,
)

FIRST = rendered()
REDRAWN = replace(release_view(), revision=2, sha256="2" * 64)


def revised(
    release: ReleaseView | None = None, plan: ZonesView | None = None, grant: GrantView | None = None, seed: int = 1
) -> Rendered:
    """What follows the first delivery."""
    release = release or release_view()
    table = release_table(release, seed)
    return render(release, table, plan or zones_view(), grant or grant_view(), revision(FIRST), SIGNING_KEY)


def rows_of(delivery: Rendered, table: str, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[key] for key in keys): row for row in delivery.tables[table].to_pylist()}


def test_a_first_delivery_replaces_nothing() -> None:
    files: dict[str, list[str]] = {"added": [], "removed": []}
    assert manifest(FIRST)["changes"] == {
        **{"reason": "first", "reasons": ["first"], "since_revision": None},
        **{"rows": {}, "files": files},
    }
    assert "replaces" not in text(FIRST)


@pytest.mark.parametrize(
    ("reason", "changed"),
    [
        ("numbers_redrawn", {"release": REDRAWN}),
        ("zone_plan_changed", {"plan": replace(zones_view(), version="other")}),
        ("grant_changed", {"grant": grant_view("Z01")}),
        ("formats_changed", {"grant": grant_view(formats=("parquet", "csv", "csv_de"))}),
        ("terms_changed", {"grant": replace(grant_view(), deliver_by="10:00")}),
        ("terms_changed", {"grant": replace(grant_view(), contact="other@nordmarkt.example")}),
        ("format_version", {}),
    ],
)
def test_each_change_has_its_reason(reason: str, changed: dict[str, Any]) -> None:
    stated = manifest(revised(**changed))["changes"]
    assert (stated["reason"], stated["reasons"], stated["since_revision"]) == (reason, [reason], 1)


def test_of_several_reasons_the_weightiest_comes_first() -> None:
    delivery = revised(REDRAWN, grant=replace(grant_view("North", formats=("parquet",)), deliver_by="10:00"), seed=2)
    expected = ("numbers_redrawn", "grant_changed", "formats_changed", "terms_changed")
    assert delivery.changes.reasons == tuple(map(ChangeReason, expected))


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("zone_hour", ("zone_id", "hour_utc")),
        ("district_hour_demographic", ("district_id", "hour_utc", "age_band", "gender")),
    ],
)
def test_changed_rows_are_counted_as_a_reader_of_both_deliveries_would(table: str, keys: tuple[str, ...]) -> None:
    delivery = revised(REDRAWN, grant=grant_view("North"), seed=2)
    before, after = rows_of(FIRST, table, *keys), rows_of(delivery, table, *keys)
    both = [(before[key], after[key]) for key in before.keys() & after.keys()]
    shown = [(one, two) for one, two in both if one["status"] == two["status"] == "estimate"]
    numbers = ("persons", "persons_low", "persons_high", "se")
    expected = {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "numbers_changed": sum(any(one[name] != two[name] for name in numbers) for one, two in shown),
        "statuses_changed": sum(one["status"] != two["status"] for one, two in both),
    }
    assert manifest(delivery)["changes"]["rows"][table] == expected
    assert min(expected["removed"], expected["numbers_changed"], expected["statuses_changed"]) > 0


def test_a_wider_grant_adds_rows_and_changes_none() -> None:
    narrow = rendered(grant=grant_view("Z01"))
    stated = manifest(rendered(delivery=revision(narrow)))["changes"]
    assert stated["rows"] == {
        "zone_hour": {"added": 72, "removed": 0, "numbers_changed": 0, "statuses_changed": 0},
        "district_hour_demographic": {"added": 288, "removed": 0, "numbers_changed": 0, "statuses_changed": 0},
    }


def test_files_that_came_and_went_are_named_without_period_and_revision() -> None:
    stated = manifest(revised(grant=grant_view(formats=("parquet", "csv_de"))))["changes"]["files"]
    tables = ("district_hour_demographic", "zone_hour")
    assert stated == {
        "added": [f"docs/{table}.de.csv" for table in tables],
        "removed": [f"docs/{table}.csv" for table in tables],
    }


def test_another_grant_renews_files_and_adds_none() -> None:
    assert manifest(revised(grant=grant_view("Z01")))["changes"]["files"] == {"added": [], "removed": []}


def test_the_read_me_of_a_revision_says_what_it_replaces_and_why() -> None:
    content = text(revised(grant=grant_view("Z01", formats=("parquet",))))
    assert "**Revision 2 replaces revision 1: use this one only.**\nThe zones that you receive changed.\n" in content
    assert "`zone_hour`: 0 rows added, 72 removed" in content
    assert "Files removed: `docs/district_hour_demographic.csv`, `docs/zone_hour.csv`." in content
    assert "\n\n\n" not in content
