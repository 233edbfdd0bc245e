"""What is rendered: rows, hours, texts, bytes."""

import csv
import io
import json
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deliverable.files import Rendered, inputs_digest, render
from tasks.deliverable.view import DeliveryView, PanelView
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY, grant_view, release_table, release_view, rendered, zones_view

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def lines(delivery: Rendered) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(delivery.files["data.csv"].decode())))


def stored(delivery: Rendered) -> pa.Table:
    return pq.read_table(io.BytesIO(delivery.files["data.parquet"]))


def test_every_granted_key_has_its_row() -> None:
    assert rendered().rows == 24 * (4 + 2 * 9)
    assert rendered(grant=grant_view("Z01", "South")).rows == 24 * (3 + 9)
    assert rendered(grant=grant_view("Z01")).rows == 24


def test_a_client_sees_nothing_of_zones_that_were_not_granted() -> None:
    delivery = rendered(grant=grant_view("Z01"))
    assert set(delivery.data["zone_id"].to_pylist()) == {"Z01"}
    others = [b"Z02", b"Bahnhof", b"Z03", b"Campus", b"South", b"Z09"]
    assert not [word for word in others for content in delivery.files.values() if word in content]


def test_rows_are_those_of_the_release() -> None:
    release = release_view()
    table = release_table(release)
    zones = table.filter(pc.equal(table["level"], "zone_hour"))
    expected = {(z, h): (v, s) for z, h, v, s in zip(*[zones[c].to_pylist() for c in KEYS], strict=True)}
    for row in stored(rendered()).to_pylist():
        if row["level"] == "zone_hour":
            value, status = expected[row["zone_id"], row["hour_start"]]
            assert row["status"] == status
            assert row["panel_value"] == (None if value is None else pytest.approx(value, abs=0.005001))


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
    starts = [datetime.fromisoformat(row["hour_start"]) for row in lines(delivery)]
    assert len(set(starts)) == hours
    assert [start.hour for start in starts] == [int(row["local_hour"]) for row in lines(delivery)]
    assert {start.date() for start in starts} == {day}


def test_on_the_day_when_clocks_are_set_back_the_offset_tells_the_two_hours_apart() -> None:
    rows = lines(rendered(release_view(AUTUMN), grant=grant_view("Z01")))
    twice = [row["hour_start"] for row in rows if row["local_hour"] == "2"]
    assert twice == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_on_the_day_when_clocks_are_set_forward_no_hour_two_exists() -> None:
    rows = lines(rendered(release_view(SPRING), grant=grant_view("Z01")))
    assert [row["local_hour"] for row in rows][:4] == ["0", "1", "3", "4"]


def test_csv_and_parquet_hold_the_same_rows() -> None:
    delivery = rendered()
    table = stored(delivery).to_pylist()
    for line, row in zip(lines(delivery), table, strict=True):
        assert line["panel_value"] == (
            "" if row["panel_value"] is None else f"{row['panel_value']:.2f}".rstrip("0").rstrip(".")
        )
        assert datetime.fromisoformat(line["hour_start"]) == row["hour_start"]
        assert (line["period_start"], line["period_end"]) == ("2026-03-02", "2026-03-03")


def test_csv_comes_only_if_asked_for() -> None:
    assert "data.csv" not in rendered(grant=grant_view(formats=("parquet",))).files
    assert "data.parquet" in rendered(grant=grant_view(formats=("csv",))).files


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x", '=HYPERLINK("http://x")'])
def test_a_name_that_a_spreadsheet_would_execute_is_inert_in_csv_and_whole_in_parquet(name: str) -> None:
    delivery = rendered(plan=zones_view((name, "-", "Campus", "Dom")))
    assert {row["zone_name"] for row in lines(delivery)} == {f"'{name}", "'-", "Campus", "Dom", "North", "South"}
    assert name in stored(delivery)["zone_name"].to_pylist()


def test_the_manifest_is_written_last_and_lists_every_other_file() -> None:
    files = rendered().files
    assert list(files)[-2:] == ["manifest.sig", "manifest.json"]
    listed = [file["path"] for file in json.loads(files["manifest.json"])["files"]]
    assert sorted(listed) == sorted(set(files) - {"manifest.json", "manifest.sig"})


def test_the_manifest_states_product_privacy_population_quality_and_use() -> None:
    manifest = json.loads(rendered().files["manifest.json"])
    assert manifest["release_id"] == "footfall/v1/2026-03-02/r1"
    assert manifest["created_at"] == "2026-03-03T05:00:00Z"
    assert manifest["privacy"]["sigma"] == {"zone_hour": 32, "district_hour_demographic": 64}
    assert manifest["population"]["panel_size"] is None
    assert manifest["population"]["panel_size_reason"]
    counts = manifest["quality"]["rows_by_status"]["zone_hour"]
    assert manifest["quality"]["withheld_share"]["zone_hour"] == round(counts["withheld_small"] / 96, 4)
    assert manifest["supersedes"] is None
    needed = {"zone_plan_version", "delivery_revision", "schema", "contact", "permitted_use", "key_id", "public_key"}
    assert needed <= set(manifest)


def test_a_later_delivery_names_the_one_it_supersedes() -> None:
    first = rendered()
    second = rendered(delivery=DeliveryView(2, first.manifest_sha256))
    manifest = json.loads(second.files["manifest.json"])
    assert manifest["supersedes"] == {"delivery_revision": 1, "manifest_sha256": first.manifest_sha256}
    assert second.path == "footfall/v1/cadence=day/period_start=2026-03-02/revision=2"
    assert b"replaces delivery 1" in second.files["README.md"]


def test_a_level_without_rows_has_no_withheld_share() -> None:
    manifest = json.loads(rendered(grant=grant_view("Z01")).files["manifest.json"])
    assert manifest["quality"]["withheld_share"]["district_hour_demographic"] is None


@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False))
def test_equal_inputs_give_equal_bytes_whatever_the_order_of_rows(order: Any) -> None:
    release, plan = release_view(), zones_view()
    table = release_table(release)
    places = list(range(table.num_rows))
    order.shuffle(places)
    again = render(release, table.take(places), plan, grant_view(), DeliveryView(1), SIGNING_KEY)
    assert again.files == rendered().files


def test_a_delivery_changes_with_release_plan_zones_formats_and_contact() -> None:
    release, plan, grant = release_view(), zones_view(), grant_view()
    digest = inputs_digest(release, plan, grant)
    changed = [
        (release, plan, grant_view("Z01")),
        (release, plan, grant_view(formats=("parquet",))),
        (release, plan, replace(grant, contact="other@nordmarkt.example")),
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


def test_shapes_carry_only_what_a_client_needs() -> None:
    delivery = rendered(grant=grant_view("North"))
    features = json.loads(delivery.files["zones.geojson"])["features"]
    assert [feature["properties"] for feature in features] == [
        {"zone_id": "Z01", "zone_name": "Altstadt", "district_id": "North"},
        {"zone_id": "Z02", "zone_name": "Bahnhof", "district_id": "North"},
    ]


def test_the_panel_size_is_stated_with_its_interval() -> None:
    panel = PanelView("2026-02", 1234.4, 10, 1217.9, 1250.8)
    files = rendered(release_view(panel=panel, panel_reason="")).files
    stated = json.loads(files["manifest.json"])["population"]
    assert stated["panel_size"] == {"month": "2026-02", "value": 1234.4, "se": 10, "low": 1217.9, "high": 1250.8}
    assert stated["panel_size_reason"] is None
    assert b"about 1,234 people (1,218 to 1,251)" in files["README.md"]
