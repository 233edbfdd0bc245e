"""What is rendered: rows, hours, texts, bytes."""

import io
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deliverable.files import inputs_digest, render
from tasks.deliverable.view import DeliveryView, PanelView
from tasks.quantity import PEOPLE
from tests.refusals import refused
from tests.unit.deliverable.factories import (
    PUBLISHER,
    SIGNING_KEY,
    grant_view,
    lines,
    manifest,
    release_table,
    release_view,
    rendered,
    revision,
    stored,
    text,
    zones_view,
)

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def test_every_granted_key_has_its_row() -> None:
    assert rendered().rows == 24 * (4 + 2 * 3 * 2)
    assert rendered(grant=grant_view("Z01", "South")).rows == 24 * (3 + 3 * 2)
    assert rendered(grant=grant_view("Z01")).rows == 24


def test_a_client_sees_nothing_of_zones_that_were_not_granted() -> None:
    delivery = rendered(grant=grant_view("Z01"))
    assert set(delivery.tables["zone_hour"]["zone_id"].to_pylist()) == {"Z01"}
    others = [b"Z02", b"Bahnhof", b"Z03", b"Campus", b"South", b"Z09"]
    assert not [word for word in others for content in delivery.files.values() if word in content]


def test_rows_are_those_of_the_release() -> None:
    release = release_view()
    table = release_table(release)
    zones = table.filter(pc.equal(table["level"], "zone_hour"))
    expected = {(z, h): (v, s) for z, h, v, s in zip(*[zones[c].to_pylist() for c in KEYS], strict=True)}
    for row in stored(rendered()).to_pylist():
        value, status = expected[row["zone_id"], row["hour_utc"]]
        assert row["status"] == status
        assert row["persons"] == (None if value is None else round(value))


KEYS = ("zone_id", "hour_start", "value", "status")


def test_a_release_that_lacks_a_granted_key_is_our_defect() -> None:
    release, plan = release_view(), zones_view()
    table = release_table(release)
    for broken in (table.slice(1), pa.concat_tables([table, table.slice(0, 1)])):
        with refused("delivery.keys_missing"):
            render(release, broken, plan, grant_view(), DeliveryView(1), SIGNING_KEY)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (date(2026, 3, 2), 24), (AUTUMN, 25)])
def test_every_local_hour_of_a_day_stands_once(day: date, hours: int) -> None:
    delivery = rendered(release_view(day), grant=grant_view("Z01"))
    rows = lines(delivery)
    assert len({row["hour_utc"] for row in rows}) == hours
    for row in rows:
        local = datetime.fromisoformat(row["hour_utc"]).astimezone(BERLIN)
        assert (row["local_date"], int(row["local_hour"])) == (day.isoformat(), local.hour)
        assert timedelta(minutes=int(row["utc_offset_minutes"])) == local.utcoffset()


def test_on_the_day_when_clocks_are_set_back_the_offset_tells_the_two_hours_apart() -> None:
    rows = lines(rendered(release_view(AUTUMN), grant=grant_view("Z01")))
    twice = [(row["hour_utc"], row["utc_offset_minutes"]) for row in rows if row["local_hour"] == "2"]
    assert twice == [("2026-10-25T00:00:00Z", "120"), ("2026-10-25T01:00:00Z", "60")]


def test_on_the_day_when_clocks_are_set_forward_no_hour_two_exists() -> None:
    rows = lines(rendered(release_view(SPRING), grant=grant_view("Z01")))
    assert [row["local_hour"] for row in rows][:4] == ["0", "1", "3", "4"]


def test_csv_and_parquet_hold_the_same_rows() -> None:
    delivery = rendered()
    for table in delivery.tables:
        for line, row in zip(lines(delivery, table), stored(delivery, table).to_pylist(), strict=True):
            assert datetime.fromisoformat(line.pop("hour_utc")) == row.pop("hour_utc")
            assert line.pop("period") == "2026-03-02"
            assert line == {name: "" if value is None else str(value) for name, value in row.items()}


def test_csv_comes_only_if_asked_for() -> None:
    endings = [
        {
            PurePath(path).suffix
            for path in rendered(grant=grant_view(formats=(name,))).files
            if path.startswith("docs/")
        }
        for name in ("parquet", "csv")
    ]
    assert endings[1] - endings[0] == {".csv"}


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x", '=HYPERLINK("http://x")'])
def test_a_name_that_a_spreadsheet_would_execute_is_inert_in_csv_and_whole_in_parquet(name: str) -> None:
    delivery = rendered(plan=zones_view((name, "-", "Campus", "Dom")))
    assert {row["zone_name"] for row in lines(delivery)} == {f"'{name}", "'-", "Campus", "Dom"}
    assert name in stored(delivery)["zone_name"].to_pylist()


def test_the_manifest_is_written_last_and_lists_every_other_file() -> None:
    delivery = rendered()
    last = [f"{delivery.path.documents}/{name}" for name in ("manifest.sig", "manifest.json")]
    assert list(delivery.files)[-2:] == last
    assert [file["path"] for file in manifest(delivery)["files"]] == sorted(set(delivery.files) - set(last))


def test_folders_of_rows_hold_nothing_else() -> None:
    delivery = rendered()
    assert sorted(path for path in delivery.files if path.startswith("data/")) == [
        f"data/{table}/cadence=day/dt=2026-03-02/revision=1/footfall.parquet"
        for table in ("district_hour_demographic", "zone_hour")
    ]
    partitions = {"cadence", "dt", "revision", "period", "period_start"}
    assert not partitions & {name for table in delivery.tables for name in stored(delivery, table).column_names}


def test_parquet_says_what_is_always_filled_what_columns_mean_and_how_rows_are_sorted() -> None:
    delivery = rendered()
    for table in delivery.tables:
        path = f"{delivery.path.rows(table)}/footfall.parquet"
        file = pq.ParquetFile(io.BytesIO(delivery.files[path]))
        schema, group = file.schema_arrow, file.metadata.row_group(0)
        optional = {field.name for field in schema if field.nullable}
        assert optional == {*PEOPLE, "persons", "persons_low", "persons_high", "se", "persons_per_km2", "reliability"}
        assert all(field.metadata[b"description"] for field in schema)
        assert schema.field("persons").metadata[b"unit"] == b"persons"
        keys = [file.schema.column(column.column_index).name for column in group.sorting_columns]
        rows = stored(delivery, table)
        assert rows.equals(rows.sort_by([(key, "ascending") for key in keys]))
        assert group.column(0).has_column_index


def test_persons_are_whole_and_their_interval_is_never_narrower_than_the_releases() -> None:
    release = release_view()
    counts = {
        (row["zone_id"], row["hour_start"]): row
        for row in release_table(release).to_pylist()
        if row["level"] == "zone_hour" and row["status"] == "estimate"
    }
    for row in stored(rendered(release)).to_pylist():
        if row["status"] == "estimate":
            count = counts[row["zone_id"], row["hour_utc"]]
            assert row["persons_low"] <= max(count["low"], 0)
            assert row["persons_high"] >= count["high"]
            half = (count["high"] - count["low"]) / 2 / count["value"]
            assert row["reliability"] == ("good" if half < 0.15 else "usable" if half < 0.3 else "weak")


def test_persons_without_a_stated_gender_count_in_sums_and_have_no_rows() -> None:
    delivery = rendered()
    assert set(stored(delivery, "district_hour_demographic")["gender"].to_pylist()) == {"f", "m"}


def test_the_manifest_states_product_privacy_population_quality_and_use() -> None:
    stated = manifest(rendered())
    assert stated["release_id"] == "footfall/v3/2026-03-02/r1"
    assert stated["created_at"] == "2026-03-03T05:00:00Z"
    assert stated["privacy"]["sigma"] == {"zone_hour": 32, "district_hour_demographic": 64}
    assert stated["population"]["panel_size"] is None
    assert stated["population"]["panel_size_reason"]
    counts = stated["quality"]["rows_by_status"]["zone_hour"]
    assert stated["quality"]["withheld_share"]["zone_hour"] == round(counts["withheld_small"] / 96, 4)
    assert stated["supersedes"] is None
    needed = {"zone_plan_version", "delivery_revision", "schema", "contact", "permitted_use", "key_id", "public_key"}
    assert needed <= set(stated)


def test_a_later_delivery_names_the_one_it_supersedes() -> None:
    first = rendered()
    second = rendered(delivery=revision(first))
    superseded = {"delivery_revision": 1, "manifest_sha256": first.manifest_sha256}
    assert manifest(second)["supersedes"] == superseded
    assert second.path.folder == "footfall/v3/docs/cadence=day/dt=2026-03-02/revision=2"


def test_a_level_without_rows_has_no_withheld_share() -> None:
    assert manifest(rendered(grant=grant_view("Z01")))["quality"]["withheld_share"]["district_hour_demographic"] is None


@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False))
def test_equal_inputs_give_equal_bytes_whatever_the_order_of_rows(order: Any) -> None:
    release, plan = release_view(), zones_view()
    table = release_table(release)
    places = list(range(table.num_rows))
    order.shuffle(places)
    again = render(release, table.take(places), plan, grant_view(), DeliveryView(1), SIGNING_KEY)
    assert again.files == rendered().files


def test_a_delivery_changes_with_release_plan_zones_formats_and_terms() -> None:
    release, plan, grant = release_view(), zones_view(), grant_view()
    digest = inputs_digest(release, plan, grant)
    changed = [
        (release, plan, grant_view("Z01")),
        (release, plan, grant_view(formats=("parquet",))),
        (release, plan, replace(grant, contact="other@nordmarkt.example")),
        (release, plan, replace(grant, deliver_by="10:00")),
        (release, plan, replace(grant, publisher=PUBLISHER)),
        (replace(release, sha256="2" * 64), plan, grant),
        (replace(release, revision=2), plan, grant),
        (release, replace(plan, version="other"), grant),
    ]
    digests = {inputs_digest(*inputs) for inputs in changed}
    assert len(digests) == len(changed)
    assert digest not in digests


def test_the_same_zones_in_other_words_and_a_later_panel_change_nothing() -> None:
    release, plan = release_view(), zones_view()
    later = replace(release, panel=PanelView("2026-02", 1, 1, 1, 1), warnings=("Late.",))
    words = grant_view("Z01", "Z02", "South", formats=("csv",))
    assert inputs_digest(later, plan, words) == inputs_digest(release, plan, grant_view())


def test_the_panel_size_is_stated_with_its_interval() -> None:
    panel = PanelView("2026-02", 1234.4, 10, 1217.9, 1250.8)
    delivery = rendered(release_view(panel=panel, panel_reason=""))
    assert "In 2026-02 it had about 1,234 persons (1,218 to 1,251)." in text(delivery)
    assert "Its size is not stated." in text(rendered())
    stated = manifest(delivery)["population"]
    assert stated["panel_size"] == {"month": "2026-02", "value": 1234.4, "se": 10, "low": 1217.9, "high": 1250.8}
    assert stated["panel_size_reason"] is None
