"""A delivery follows its estimator and its publisher: from the released table and the policy, at no charge."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.deliver import ESTIMATOR, Deliver
from tasks.deliverable.people import NOT_CORRECTED, corrected
from tasks.deliverable.signature import public_key
from tasks.deliverable.verify import verify
from tasks.estimate.spec import ErrorSource, Estimated, Estimator, PublicFacts
from tasks.estimation import NOT_POSSIBLE, lacking
from tasks.period import Cadence, Period
from tasks.policy_file import shipped
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.registry import product
from tasks.products.spec import Product
from tasks.quantity import PEOPLE
from tasks.store.client_file import parse_client
from tasks.store.tables import Release
from tests.factories import client_toml
from tests.plain_validator import plain
from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
CENSUS = "zone_id,residents,source,as_of\nZ0,2000,Office,2025-12-31\nZ3,3000,Office,2025-12-31\n"
TWO_MARGINS = (
    "zone_id,age_band,gender,residents\nZ0,18-24,,4000\nZ3,65+,,3000\nZ0,,f,2000\nZ0,,m,2000\nZ3,,f,1500\nZ3,,m,1500\n"
)
CLIENT = client_toml(formats='["parquet", "csv"]')
CLIENT += CLIENT[CLIENT.index("[[grants]]") :].replace('"footfall"', '"visitors"')
VISITORS = product("visitors", Cadence.DAY)


class Tenfold:
    """A toy: every subscriber stands for ten people."""

    name = "tenfold 1"

    def __call__(self, release: pa.Table, facts: PublicFacts) -> Estimated:
        columns = {"people": "value", "people_low": "low", "people_high": "high"}
        people = pa.table({name: pc.multiply(release[source], 10) for name, source in columns.items()})
        return Estimated(people, ErrorSource.NOISE, (), 1_234.4)


def rendered(
    way: Way,
    estimator: Estimator = ESTIMATOR,
    day: date = DAY,
    policy: Path | None = None,
    of: Product = FOOTFALL,
    client: str = CLIENT,
) -> Mapping[str, bytes]:
    stores = way.stores(policy=policy)
    spec = parse_client(client, "client.toml", ["footfall", "visitors"], ["parquet", "csv"])
    key = Deliver(stores, lambda: way.now, estimator, plain).render(spec, of, Period.day(day))
    delivery = stores.catalog.delivery(key.client, key.product, key.version, key.period)
    assert delivery
    files = stores.lake.delivery(key, delivery.manifest_sha256)
    sizes = {name: len(content) for name, content in files.items()}
    verify(sizes, files.__getitem__, public_key(stores.signing_keys.current()))
    return files


def only(files: Mapping[str, bytes], *parts: str) -> bytes:
    (content,) = (content for path, content in files.items() if all(part in path for part in parts))
    return content


def manifest_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(only(files, "manifest.json"))
    return found


def test_a_release_says_which_others_its_people_rest_on(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    way.publish("visitors", str(DAY))
    (visitors,) = way.stores().ledger.releases("visitors")
    assert lacking(way.stores(), visitors) == (), "without a census there are no people"
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    every = tuple((name, str(DAY)) for name in ("footfall", "detection", "dwell"))
    assert lacking(way.stores(), visitors) == every
    for name, rest in (("footfall", ()), ("dwell", every[:1])):
        policy = way.root / f"without-{name}.toml"
        policy.write_text(shipped().read_text().replace("leave_out = []", f'leave_out = ["{name}"]'))
        assert lacking(way.stores(policy=policy), visitors) == rest, "nothing that cannot help is advised"
    days = {str(day): 1 for day in Period.parse("2026-03").days if day.day != 16}
    month = Release(**{**visitors.model_dump(), "period": "2026-03", "generations": days})
    assert {day for _, day in lacking(way.stores(), month)} == {"2026-03-17"}, "16 March never came"
    way.publish("footfall", str(DAY))
    assert lacking(way.stores(), visitors) == every[1:]
    (footfall,) = way.stores().ledger.releases("footfall")
    assert lacking(way.stores(), footfall) == ()


def test_estimated_people_stand_beside_the_panels_counts_of_a_verified_delivery(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    way.publish("footfall", str(DAY))
    plain = rendered(way)
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    estimated, again = rendered(way, Tenfold()), rendered(way)
    before, after = (pq.read_table(io.BytesIO(only(files, "/zone_hour/", ".parquet"))) for files in (plain, estimated))
    assert before["people"].null_count == len(before)
    assert after.drop_columns(PEOPLE) == before.drop_columns(PEOPLE)
    shown = after.filter(pc.equal(after["status"], "estimate")).to_pylist()
    assert shown
    assert all(abs(row["people"] - 10 * row["persons"]) <= 5 for row in shown)
    assert "1,234 persons with equal weights" in only(estimated, "README").decode()
    manifests = [manifest_of(files) for files in (plain, estimated, again)]
    population = [each["population"] for each in manifests]
    assert [each["weighting"] for each in population] == ["none", "tenfold 1", ESTIMATOR.name]
    assert "population.csv" in population[0]["people_missing"]
    assert population[0]["people"] is None
    assert {population[2]["people"][name] for name in ("residents", "census_source", "area")} == {
        5000,
        "Office",
        "closed",
    }
    assert [each["delivery_revision"] for each in manifests] == [1, 2, 3]
    reasons = ["first", "estimate_changed", "estimate_changed"]
    assert [each["changes"]["reason"] for each in manifests] == reasons
    assert [each.reason for each in way.stores().catalog.deliveries("nordmarkt")] == reasons


class Halting(Tenfold):
    """A toy that has no number for one row."""

    name = "halting 1"

    def __call__(self, release: pa.Table, facts: PublicFacts) -> Estimated:
        found = super().__call__(release, facts)
        first = pc.index(release["status"], "estimate").as_py()
        people = pa.array(
            [None if n == first else value for n, value in enumerate(found.columns["people"].to_pylist())]
        )
        return replace(found, columns=found.columns.set_column(0, "people", people))


def test_an_estimate_that_lacks_a_row_does_not_hold_up_the_panels_numbers(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    way.publish("footfall", str(DAY))
    whole, without = rendered(way, Tenfold()), rendered(way, Halting())
    tables = [pq.read_table(io.BytesIO(only(files, "/zone_hour/", ".parquet"))) for files in (whole, without)]
    assert tables[0]["people"].null_count < len(tables[0])
    assert [tables[1][name].null_count for name in PEOPLE] == [len(tables[1])] * 3
    assert tables[1].drop_columns(PEOPLE) == tables[0].drop_columns(PEOPLE)
    population = manifest_of(without)["population"]
    assert (population["people"], population["weighting"]) == (None, "none")
    assert population["people_missing"] == NOT_POSSIBLE
    assert NOT_POSSIBLE in " ".join(only(without, "README").decode().split())


def test_another_census_makes_another_delivery_of_the_same_release(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    for census in (CENSUS, TWO_MARGINS):
        (way.landing / "population.csv").write_text(census)
        way.ingest(DAY)
        way.publish("footfall", str(DAY))
        manifest = manifest_of(rendered(way))
    assert (manifest["delivery_revision"], manifest["release_revision"]) == (2, 1)
    assert manifest["changes"]["reasons"] == ["estimate_changed"]
    stated = manifest["population"]["people"]
    assert (stated["residents"], stated["youngest"], stated["census_source"]) == (7000, 18, None)


def test_other_products_need_the_days_footfall_to_know_where_people_live(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    way.publish("visitors", str(DAY))
    before = manifest_of(rendered(way, of=VISITORS))["population"]
    assert "footfall" in before["people_missing"]
    way.publish("footfall", str(DAY))
    after = manifest_of(rendered(way, of=VISITORS))["population"]
    assert after["people"]["footfall"] == f"footfall/v{FOOTFALL.version}/{DAY}/r1"


def test_another_assumption_on_the_area_makes_another_delivery_and_no_release_stale(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    way.publish("footfall", str(DAY))
    opened = way.root / "policy.toml"
    opened.write_text(shipped().read_text().replace('area = "closed"', 'area = "open"'))
    before, after = (manifest_of(rendered(way, policy=each)) for each in (None, opened))
    assert after["changes"]["reasons"] == ["estimate_changed"]
    assert [each["population"]["people"]["area"] for each in (before, after)] == ["closed", "open"]
    assert before["privacy"] == after["privacy"]
    assert way.publish("footfall", str(DAY), policy=opened).stale == ()


def test_a_statement_of_the_publisher_makes_another_delivery_and_no_release_stale(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    way.publish("footfall", str(DAY))
    stated = way.root / "policy.toml"
    stated.write_text(shipped().read_text() + '\n[publisher]\nsupport = "support@operator.example"\n')
    before, after = (manifest_of(rendered(way, policy=each)) for each in (None, stated))
    assert (after["changes"]["reasons"], after["publisher"]["support"]) == (
        ["terms_changed"],
        "support@operator.example",
    )
    assert set(after["changes"]["rows"]["zone_hour"].values()) == {0}
    assert before["privacy"] == after["privacy"]
    assert before["population"]["left_out"] == after["population"]["left_out"]
    again = way.publish("footfall", str(DAY), policy=stated)
    assert (again.outcome, again.stale) == ("AlreadyPublished", ())
    assert way.ingest(DAY, policy=stated).outcome == "AlreadyIngested"


def test_stays_that_events_miss_are_corrected_once_detection_and_dwell_are_published(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (way.landing / "population.csv").write_text(CENSUS)
    way.ingest(DAY)
    for name in ("footfall", "visitors", "detection"):
        way.publish(name, str(DAY))
    readmes = [only(rendered(way, of=VISITORS), "README").decode()]
    (visitors,) = way.stores().ledger.releases("visitors")
    assert lacking(way.stores(), visitors) == (("dwell", str(DAY)),)
    way.publish("dwell", str(DAY))
    assert lacking(way.stores(), visitors) == ()
    readmes.append(only(rendered(way, of=VISITORS), "README").decode())
    said = corrected([f"detection/v1/{DAY}/r1", f"dwell/v1/{DAY}/r1"])
    assert [NOT_CORRECTED in each for each in readmes] == [True, False]
    assert [said in each for each in readmes] == [False, True]
    reasons = [each.reason for each in way.stores().catalog.deliveries("nordmarkt")]
    assert reasons == ["first", "estimate_changed"]
