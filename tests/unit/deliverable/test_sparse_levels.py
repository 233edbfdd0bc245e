"""A product of two stages, from its count to a verified delivery: zone pairs are drawn inside large district pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from tasks.deliverable.files import Rendered, render
from tasks.deliverable.gate import check_delivery
from tasks.deliverable.signature import public_key
from tasks.deliverable.verify import verify
from tasks.deliverable.view import DeliveryView, ReleaseView
from tasks.errors import RefusedDelivery, StepFailed
from tasks.mobility.tables import PRESENCE
from tasks.period import Cadence, Period
from tasks.privacy.bounds import UNIT, Contributions, Integers, LevelRule
from tasks.privacy.measured import Measured
from tasks.products import footfall
from tasks.products.dimensions import DISTRICT, ZONE
from tasks.products.draw import counted
from tasks.products.shared_sums import flat_keys, keys_within
from tasks.products.spec import OPTED_IN, Audience, Choice, CountContext, DataProduct, Level, PublicContext
from tasks.release_metadata import level_views
from tests.plain_validator import plain
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY, grant_view, lines, manifest, release_view, text, zones_view
from tests.unit.privacy.sources import Silence
from tests.unit.products.counting import context

ORIGIN, DESTINATION = replace(ZONE, name="origin_zone_id"), replace(ZONE, name="destination_zone_id")
FROM, TO = replace(DISTRICT, name="origin_district_id"), replace(DISTRICT, name="destination_district_id")
DISTRICT_PAIR = Level("district_pair", "Trips by district.", (FROM, TO))


def large_pairs(public: PublicContext, drawn: Mapping[str, Measured]) -> Integers:
    assert not hasattr(public, "rows"), "a choice gets nothing confidential"
    return keys_within(public, ZONE_PAIR, DISTRICT_PAIR, drawn["district_pair"].values >= 40)


ZONE_PAIR = Level(
    "zone_pair",
    "The same trips by zone.",
    (ORIGIN, DESTINATION),
    sparse=Choice(large_pairs, "Between these districts fewer than 40 trips were counted, noise included."),
)


def pairs(context: CountContext) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Person, origin and destination: the zones of the hours of presence, one after the other."""
    (rows,) = context.rows(PRESENCE)
    person, zone = rows["pseudonym"].to_numpy(), rows["zone"].to_numpy().astype(np.int64)
    same = person[1:] == person[:-1]
    return person[1:][same], zone[:-1][same], zone[1:][same]


def count_districts(context: CountContext) -> Sequence[Contributions]:
    person, origin, destination = pairs(context)
    counter, district = context.weighted_counter(DISTRICT_PAIR), context.zones.district.astype(np.int64)
    counter.add(person, district[origin] * len(context.zones.districts) + district[destination])
    return [counter.contributions()]


def count_zones(context: CountContext) -> Sequence[Contributions]:
    person, origin, destination = pairs(context)
    counter = context.weighted_counter(ZONE_PAIR)
    counter.add(person, origin * len(context.zones.zone_ids) + destination)
    return [counter.contributions()]


TRIPS = DataProduct(
    name="trips",
    version=1,
    cadences=frozenset({Cadence.DAY}),
    levels=(DISTRICT_PAIR, ZONE_PAIR),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(PRESENCE,),
    counts=(count_districts, count_zones),
    same_persons=((DISTRICT_PAIR, ZONE_PAIR),),
)
RULES = (LevelRule("district_pair", Decimal(10), 2, 30), LevelRule("zone_pair", Decimal(10), 2, 30))
DAY = Period.day(date(2026, 3, 2))
PLACES = zones_view()


def counting(people: int) -> CountContext:
    """People who go from Z01 to Z03 and back; zones Z01 and Z02 are in one district, Z03 and Z04 in the other."""
    persons = np.repeat(np.arange(people, dtype=np.uint64), 3)
    zones = np.tile(np.array([0, 2, 0], dtype=np.int32), people)
    rows = pa.table({"pseudonym": persons, "hour": np.tile(np.arange(3, dtype=np.int8), people), "zone": zones})
    base = context(footfall.PRODUCT, DAY, dict.fromkeys(range(people), (1, 1)), {"presence": [rows]})
    plan = replace(
        base.zones,
        zone_ids=PLACES.zone_ids,
        names=PLACES.names,
        district=np.array([0, 0, 1, 1], dtype=np.int32),
        districts=("North", "South"),
        district_names=("Nordstadt", "South"),
        geometries=base.zones.geometries[:1] * 4,
        area_types=(None,) * 4,
    )
    return replace(base, zones=plan, rules={rule.name: rule for rule in RULES})


def delivered(people: int, *granted: str, table: pa.Table | None = None) -> tuple[Rendered, ReleaseView]:
    """The release of the people's trips without noise, rendered, through its gate and verified."""
    context = counting(people)
    drawn = counted(TRIPS, context, Silence())().table
    views = level_views(TRIPS, RULES, PublicContext(DAY, context.zones, context.timezone))
    release = release_view(product="trips", version=1, period=DAY, levels=views)
    delivery = render(release, table or drawn, PLACES, grant_view(*granted), DeliveryView(1), SIGNING_KEY)
    check_delivery(release, delivery.places, delivery.tables, plain)
    sizes = {name: len(content) for name, content in delivery.files.items()}
    assert verify(sizes, delivery.files.__getitem__, public_key(SIGNING_KEY)).deliveries[0].rows == delivery.rows
    return delivery, release


def numbers(delivery: Rendered) -> dict[tuple[str, str], str]:
    return {(row["origin_zone_id"], row["destination_zone_id"]): row["persons"] for row in lines(delivery, "zone_pair")}


def test_zone_pairs_of_large_district_pairs_have_rows_and_the_others_have_none() -> None:
    delivery, _ = delivered(100)
    found = numbers(delivery)
    north, south = ("Z01", "Z02"), ("Z03", "Z04")
    assert found.keys() == {pair for a in north for b in south for pair in ((a, b), (b, a))}
    assert found["Z01", "Z03"] == found["Z03", "Z01"] == "100"
    assert found["Z02", "Z04"] == "", "it was drawn, and is small"
    assert len(lines(delivery, "district_pair")) == 4


def test_both_places_must_be_granted_and_the_gate_and_contract_allow_missing_rows() -> None:
    delivery, _ = delivered(100, "Z01", "Z03", "Z04")
    assert numbers(delivery).keys() == {("Z01", "Z03"), ("Z01", "Z04"), ("Z03", "Z01"), ("Z04", "Z01")}


def test_a_status_is_given_over_all_keys_and_kept_of_the_chosen_ones() -> None:
    uncovered = np.zeros((4, 4), dtype=bool)
    uncovered[0, 2] = True
    product = replace(TRIPS, statuses=lambda context: {"zone_pair": [("no_coverage", uncovered)]})
    table = counted(product, counting(100), Silence())().table
    rows = table.filter(pc.equal(table["status"], "no_coverage")).to_pylist()
    assert [(row["origin_zone_id"], row["destination_zone_id"], row["value"]) for row in rows] == [("Z01", "Z03", None)]


def test_no_district_pair_may_be_large_enough() -> None:
    delivery, _ = delivered(20)
    assert numbers(delivery) == {}
    assert len(lines(delivery, "district_pair")) == 4


def test_manifest_read_me_and_contract_say_what_a_missing_row_means() -> None:
    delivery, _ = delivered(100)
    stated = manifest(delivery)["schema"]["missing_rows"]
    assert list(stated) == ["zone_pair"]
    assert "fewer than 40 trips" in stated["zone_pair"]
    contract = {table["name"]: table for table in yaml.safe_load(text(delivery, "contract.yaml"))["schema"]}
    assert stated["zone_pair"] in contract["zone_pair"]["dataGranularityDescription"]
    assert stated["zone_pair"] not in contract["district_pair"]["dataGranularityDescription"]
    assert stated["zone_pair"] in text(delivery)


def test_a_row_twice_or_a_lost_row_of_a_full_level_is_refused() -> None:
    drawn = counted(TRIPS, counting(100), Silence())().table
    with pytest.raises(StepFailed) as twice:
        delivered(100, table=pa.concat_tables([drawn, drawn.filter(pc.equal(drawn["level"], "zone_pair")).slice(0, 1)]))
    with pytest.raises(StepFailed) as lost:
        delivered(100, table=drawn.slice(1))
    assert twice.value.code == lost.value.code == "delivery.keys_missing"


def test_the_gate_refuses_a_zone_that_is_not_granted() -> None:
    delivery, release = delivered(100)
    places = replace(delivery.places, zones=("Z01", "Z02", "Z03"))
    with pytest.raises(RefusedDelivery) as outside:
        check_delivery(release, places, delivery.tables, plain)
    assert outside.value.code == "delivery.gate_failed"


def test_weights_rest_on_all_that_a_person_did_whatever_is_chosen() -> None:
    """Eight trips of one person between the zones of a small district pair count against the bound of all others."""
    base = counting(50)
    restless = pa.table(
        {
            "pseudonym": np.repeat(np.uint64(1000), 10),
            "hour": np.arange(10, dtype=np.int8),
            "zone": np.array([0, 1] * 4 + [0, 2], dtype=np.int32),
        }
    )
    rows = pa.concat_tables([*base.rows(PRESENCE), restless.append_column("member", pa.repeat(0, 10))])
    drawn = {"district_pair": Measured(np.array([[0.0, 50.0], [50.0, 0.0]]), np.full((2, 2), 100.0))}
    chosen = count_zones(replace(base, rows=lambda table: iter([rows]), drawn=drawn))[0]
    everything = replace(drawn["district_pair"], values=np.full((2, 2), 50.0))
    whole = count_zones(replace(base, rows=lambda table: iter([rows]), drawn={"district_pair": everything}))[0]
    assert chosen.chosen is not None
    assert chosen.chosen.tolist() == [2, 3, 6, 7, 8, 9, 12, 13]
    assert whole.values[chosen.chosen].tolist() == chosen.values.tolist()
    assert chosen.values[0] == 50 * UNIT + 15, "isqrt(64^2 * 2 / (4^2 + 4^2 + 1)) is 15"


def test_keys_of_a_sparse_level_are_never_listed_as_a_whole() -> None:
    base = counting(1)
    with refused("privacy.defect"):
        ZONE_PAIR.keys(PublicContext(DAY, base.zones, base.timezone))


def test_the_rows_of_a_release_lead_back_to_their_flat_keys() -> None:
    base = counting(100)
    table = counted(TRIPS, base, Silence())().table
    rows = table.filter(pc.equal(table["level"], "zone_pair"))
    assert flat_keys(base, ZONE_PAIR, rows).tolist() == [2, 3, 6, 7, 8, 9, 12, 13]
