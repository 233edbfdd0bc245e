"""A product of another shape is delivered by what it declares: two places a key, no hours, numbers as keys."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from tasks.deliverable.files import Rendered, inputs_digest, render
from tasks.deliverable.gate import check_delivery
from tasks.deliverable.level_view import DimensionView, LevelView
from tasks.deliverable.people import AREA, NOT_CORRECTED, PLACES_OF_STAYS, corrected, lasting, statements
from tasks.deliverable.signature import public_key
from tasks.deliverable.verify import verify
from tasks.deliverable.view import DeliveryView, ReleaseView
from tasks.period import Cadence, Period
from tests.plain_validator import plain
from tests.refusals import refused
from tests.unit.deliverable.factories import (
    DISTRICT,
    ESTIMATE,
    SIGNING_KEY,
    ZONE,
    dimension,
    grant_view,
    lines,
    manifest,
    release_table,
    release_view,
    rendered,
    text,
    zones_view,
)

ORIGIN = replace(ZONE, name="origin_zone_id", meaning="Where the trips begin.")
DESTINATION = replace(ZONE, name="destination_zone_id", meaning="Where the trips end.")
FROM = replace(DISTRICT, name="origin_district_id")
TO = replace(DISTRICT, name="destination_district_id")
TRIPS = (
    LevelView("zone_pair", "Trips.", (ORIGIN, DESTINATION), frozenset({"origin_zone_id"}), Decimal(10), 8, 30),
    LevelView("district_pair", "The same trips.", (FROM, TO), frozenset(), Decimal(10), 8, 30),
)
DAY = Period.day(date(2026, 3, 2))
WEEK = Period.holding(Cadence.WEEK, date(2026, 3, 2))
RELEASE = release_view(product="trips", period=WEEK, levels=TRIPS)


def verified(delivery: Rendered, release: ReleaseView = RELEASE) -> list[dict[str, str]]:
    """The delivery's lines, once it passed its gate and its verification."""
    check_delivery(release, delivery.places, delivery.tables, plain)
    sizes = {name: len(content) for name, content in delivery.files.items()}
    assert verify(sizes, delivery.files.__getitem__, public_key(SIGNING_KEY)).deliveries[0].rows == delivery.rows
    return [line for table in release.tables for line in lines(delivery, table.name)]


def test_two_places_a_key_without_hours_are_rendered_gated_and_verified() -> None:
    rows = verified(rendered(RELEASE))
    assert len(rows) == 4 * 4 + 2 * 2
    assert list(rows[0])[:8] == [
        *("period", "level", "origin_zone_id", "origin_zone_name"),
        *("destination_zone_id", "destination_zone_name", "persons", "persons_low"),
    ]
    assert rows[0]["period"] == "2026-W10"
    assert ("Altstadt", "Bahnhof") in {(row["origin_zone_name"], row["destination_zone_name"]) for row in rows[:16]}
    assert ("Nordstadt", "South") in {
        (row["origin_district_name"], row["destination_district_name"]) for row in rows[16:]
    }


def test_both_places_of_a_key_must_be_granted() -> None:
    rows = verified(rendered(RELEASE, grant=grant_view("Z01", "South")))
    pairs: dict[str, set[tuple[str, str]]] = {line["level"]: set() for line in rows}
    for line in rows:
        place = "zone" if line["level"] == "zone_pair" else "district"
        pairs[line["level"]].add((line[f"origin_{place}_id"], line[f"destination_{place}_id"]))
    zones = ("Z01", "Z03", "Z04")
    assert pairs == {"zone_pair": {(a, b) for a in zones for b in zones}, "district_pair": {("South", "South")}}


def test_contract_manifest_and_read_me_speak_of_the_products_own_columns() -> None:
    delivery = rendered(RELEASE)
    table = yaml.safe_load(text(delivery, "contract.yaml"))["schema"][0]
    keys = ["level", "origin_zone_id", "destination_zone_id"]
    assert table["quality"][0]["arguments"]["properties"] == ["dt", "revision", *keys]
    assert [column["required"] for column in table["properties"] if column["name"] in keys] == [True] * 3
    stated = manifest(delivery)
    assert stated["schema"]["additive_over"] == {"zone_pair": ["origin_zone_id"], "district_pair": []}
    readme = text(delivery)
    assert "hour" not in readme.partition("## Privacy")[0].replace("hours is in no zone", "")
    assert 'pivot(index="destination_zone_id", columns="origin_zone_id"' in readme


def test_keys_that_are_numbers_or_of_one_level_only_are_delivered_as_such() -> None:
    days = DimensionView("visit_days", pa.int64(), "Days on which they came.", (1, 2, 4))
    home = dimension("home_district_id", "North", "South", "unknown")
    levels = (replace(TRIPS[0], dimensions=(ZONE, days, home), additive=frozenset({"visit_days"})), TRIPS[1])
    release = release_view(product="loyalty", levels=levels)
    delivery = rendered(release)
    verified(delivery, release)
    loyal = lines(delivery, "zone_pair")
    assert {line["visit_days"] for line in loyal} == {"1", "2", "4"}
    assert {line["home_district_id"] for line in loyal} == {"North", "South", "unknown"}
    assert 'set_index(["zone_id", "visit_days", "home_district_id"])' in text(delivery)


def test_two_dimensions_that_would_share_a_column_are_refused() -> None:
    with refused("delivery.column_twice"):
        replace(TRIPS[0], dimensions=(ZONE, ZONE))


def test_levels_with_the_same_key_columns_share_a_table_and_others_do_not() -> None:
    arrivals = replace(TRIPS[0], name="arrivals", dimensions=(ZONE,), additive=frozenset())
    departures = replace(arrivals, name="departures")
    release = release_view(product="trips", levels=(arrivals, *TRIPS, departures))
    delivery = rendered(release)
    verified(delivery, release)
    assert {name: set(rows["level"].to_pylist()) for name, rows in delivery.tables.items()} == {
        "arrivals": {"arrivals", "departures"},
        "zone_pair": {"zone_pair"},
        "district_pair": {"district_pair"},
    }


def test_estimated_people_are_rendered_gated_and_verified_and_make_another_delivery() -> None:
    plan, estimated = zones_view(), replace(RELEASE, estimate=ESTIMATE)
    counts = release_table(RELEASE)
    table = counts
    for name, source in (("people", "value"), ("people_low", "low"), ("people_high", "high")):
        table = table.append_column(name, pc.multiply(counts[source], 10))
    delivery = render(estimated, table, plan, grant_view(), DeliveryView(1), SIGNING_KEY)
    verified(delivery, estimated)
    assert "people" in delivery.tables["zone_pair"].column_names
    assert manifest(delivery)["population"]["weighting"] == "tenfold 1"
    readme = text(delivery)
    assert AREA["closed"] in readme
    assert "Of all people: about" in readme
    assert "not about everybody" not in readme
    assert AREA["closed"] in yaml.safe_load(text(delivery, "contract.yaml"))["description"]["limitations"]
    of_day = "People use the factors of one day in the middle of the period, 2026-03-02"
    assert [any(of_day in each for each in statements(one)) for one in (estimated, replace(estimated, period=DAY))] == [
        True,
        False,
    ]
    said = corrected([each for each in (ESTIMATE.detection, ESTIMATE.dwell, ESTIMATE.trips) if each])
    assert {said, PLACES_OF_STAYS} <= set(statements(estimated))
    without = statements(replace(RELEASE, estimate=replace(ESTIMATE, detection=None, dwell=None, trips=None)))
    assert NOT_CORRECTED in without
    assert said not in without
    of_hours = set(statements(release_view(estimate=ESTIMATE)))
    assert not {said, NOT_CORRECTED, PLACES_OF_STAYS} & of_hours, "footfall counts hours, not stays"
    assert "Z02" in " ".join(of_hours)
    assert inputs_digest(estimated, plan, grant_view()) != inputs_digest(RELEASE, plan, grant_view())


def test_without_a_panel_its_source_is_the_footfall_and_no_zone_is_named_where_none_is_weak() -> None:
    alone = " ".join(statements(release_view(estimate=replace(ESTIMATE, panel=None, weak_zones=()))))
    assert ESTIMATE.footfall in alone
    assert str(ESTIMATE.panel) not in alone
    assert "Z02" not in alone


@pytest.mark.parametrize(
    ("source", "date", "said"),
    [
        ("Office", "2025-12-31", " (source: Office, 2025-12-31)."),
        ("Office", None, " (source: Office; date not stated)."),
        (None, "2025-12-31", " (of 2025-12-31; source not stated)."),
        (None, None, "; its source and date are not stated."),
    ],
)
def test_a_census_is_named_by_what_it_says_of_itself(source: str | None, date: str | None, said: str) -> None:
    estimate = replace(ESTIMATE, census_source=source, census_as_of=date)
    whole, without_ages = (lasting(RELEASE, replace(estimate, youngest=age))[0] for age in (18, None))
    assert whole.endswith(f"The census counts 55,000 residents of 18 years and more{said}")
    assert without_ages.endswith(f"The census counts 55,000 residents{said}")


def test_a_derived_release_names_its_inputs_and_states_no_noise_of_its_own() -> None:
    levels = tuple(replace(level, sigma=None, bound=None, threshold=0) for level in TRIPS)
    inputs = ("trips/v1/2026-03-02/r1", "trips/v1/2026-03-03/r1")
    drawn, derived = release_table(RELEASE), release_view(product="sums", period=WEEK, levels=levels, inputs=inputs)
    delivery = render(derived, drawn, zones_view(), grant_view(), DeliveryView(1), SIGNING_KEY)
    verified(delivery, derived)
    stated = manifest(delivery)
    assert stated["inputs"] == list(inputs)
    assert stated["privacy"]["sigma"] == {}
    assert all(f"`{id}`" in text(delivery) for id in inputs)
