"""A data product is one file: two products are declared here and nowhere else, from landing to verified delivery.

`commute` is drawn by the week from a lake table of its own: two places a key, two levels made consistent. `arrivals` is
derived from it, free of charge.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.session import Session

from tasks.deliver import Deliver
from tasks.deliverable.signature import public_key
from tasks.deliverable.verify import verify
from tasks.errors import RefusedRelease
from tasks.ingest import Ingest
from tasks.mobility.day import CellArrays, Int64, WalkRules
from tasks.mobility.presence import presence_tables
from tasks.mobility.tables import LakeTable
from tasks.period import Cadence, Period
from tasks.plan import Plan, State, Step, make_plan
from tasks.privacy.bounds import Contributions, Integers
from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.products.dimensions import DISTRICT, ZONE
from tasks.products.registry import registered
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, DerivedProduct, Level, PublicContext
from tasks.publish import Publish
from tasks.refresh import Refresh
from tasks.refs import DeliveryRef, Outcome, ReleaseRef
from tasks.services.s3 import S3Server, serve
from tasks.settings import Settings
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.client_file import parse_client
from tasks.store.lake import DeliveryKey
from tests.few_products import policy_of_two
from tests.plain_validator import plain
from tests.promise.landing import consent, person, write_events, write_network, write_people

# ---- the lake table: hours of a day by zone, under the week's pseudonyms


HOURS = [("night_hours", pa.int16()), ("day_hours", pa.int16())]


def hours_by_zone(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    """week_hours: subscriber, zone, hours of the night and of the day."""
    presence = presence_tables(keys, cells, rules)["presence"]
    person, hour, zone = (presence[name].to_numpy() for name in ("subscriber", "hour", "zone"))
    rows = pa.table(
        {"subscriber": person, "zone": zone, "night_hours": rules.night[hour], "day_hours": ~rules.night[hour]}
    )
    hours = pa.schema([("subscriber", pa.int32()), ("zone", pa.int32()), *HOURS])
    sums = rows.cast(hours).group_by(["subscriber", "zone"]).aggregate([(name, "sum") for name, _ in HOURS])
    named = sums.rename_columns(hours.names).cast(hours)
    return {"week_hours": named.sort_by([("subscriber", "ascending"), ("zone", "ascending")])}


WEEK_HOURS = LakeTable(
    "week_hours",
    pa.schema([("pseudonym", pa.uint64()), ("zone", pa.int32()), *HOURS]),
    Cadence.WEEK,
    ("pseudonym", "zone"),
    hours_by_zone,
)

# ---- the drawn product


ORIGIN, DESTINATION = replace(ZONE, name="origin_zone_id"), replace(ZONE, name="destination_zone_id")
FROM_DISTRICT, TO_DISTRICT = (
    replace(DISTRICT, name="origin_district_id"),
    replace(DISTRICT, name="destination_district_id"),
)
ZONE_PAIR = Level("zone_pair", "Persons by zone of most nights and zone of most days.", (ORIGIN, DESTINATION))
DISTRICT_PAIR = Level("district_pair", "The same persons by district.", (FROM_DISTRICT, TO_DISTRICT))


def count_commute(context: CountContext) -> Sequence[Contributions]:
    """Count each person once, from the zone of most night hours to the zone of most day hours."""
    fine, coarse = context.counter(ZONE_PAIR), context.counter(DISTRICT_PAIR)
    zones, districts = len(context.zones.zone_ids), len(context.zones.districts)
    district = context.zones.district.astype(np.int64)
    for rows in context.rows(WEEK_HOURS):
        people, index = np.unique(rows["pseudonym"].to_numpy(), return_inverse=True)
        home, work = (
            np.array([np.bincount(rows["zone"].to_numpy()[index == n], rows[name].to_numpy()[index == n]).argmax()
                      for n in range(len(people))], dtype=np.int64)
            for name, _ in HOURS
        )  # fmt: skip
        fine.add(people, home * zones + work)
        coarse.add(people, district[home] * districts + district[work])
    return fine.contributions(), coarse.contributions()


COMMUTE = DataProduct(
    name="commute",
    version=1,
    cadences=frozenset({Cadence.WEEK}),
    levels=(ZONE_PAIR, DISTRICT_PAIR),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(WEEK_HOURS,),
    counts=(count_commute,),
    same_persons=((ZONE_PAIR, DISTRICT_PAIR),),
)
POLICY = """
[product.commute.week.zone_pair]
sigma = 10
bound = 1
threshold = 30
[product.commute.week.district_pair]
sigma = 20
bound = 1
threshold = 60
"""

# ---- the derived product


ARRIVALS_LEVEL = Level("arrivals", "Persons by the zone of most days.", (ZONE,), additive=frozenset({"zone_id"}))


def derive_arrivals(public: PublicContext, releases: Sequence[StoredRelease]) -> Mapping[str, DerivedLevel]:
    """Add up the zone pairs by destination; a destination with a withheld pair is incomplete."""
    (release,) = releases
    pairs = release.table.filter(pa.compute.equal(release.table["level"], ZONE_PAIR.name))
    shape = (len(public.zones.zone_ids),) * 2
    values, se = (pairs[name].to_numpy().reshape(shape) for name in ("value", "se"))
    sums = Measured(values.sum(axis=0), (se**2).sum(axis=0))
    return {"arrivals": DerivedLevel(sums, [("incomplete", np.isnan(sums.values))])}


ARRIVALS = DerivedProduct(
    name="arrivals",
    version=1,
    cadences=frozenset({Cadence.WEEK}),
    levels=(ARRIVALS_LEVEL,),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    inputs=lambda week: [("commute", week)],
    derive=derive_arrivals,
)

# ---- from landing to verified delivery


WEEK = Period.parse("2026-W10")
DAYS = WEEK.days[:2]
"""The week is published without the other days, which never come."""
NOW = datetime(2026, 4, 20, tzinfo=UTC)
BUCKET = "nordmarkt-bucket"
CLIENT = """[client]
name = "nordmarkt"
contact = "data@nordmarkt.example"
[destination]
bucket = "nordmarkt-bucket"
prefix = "throng"
region = "eu-central-1"
endpoint_url = "{endpoint}"
profile = "nordmarkt"
[[grants]]
product = "commute"
zones = ["*"]
from = 2026-03-02
formats = ["parquet", "csv"]
deliver_by = "09:00"
[[grants]]
product = "arrivals"
zones = ["*"]
from = 2026-03-02
formats = ["parquet"]
deliver_by = "09:00"
"""


class Lifted:
    """No noise, but zone pairs are 100 persons too many, and district pairs 400: both levels still agree."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        return np.full(size, int(sigma) * 10 * unit if sigma == 10 else 400 * unit, dtype=np.int64)


def commuting(subscriber: str, day: date, home: int, work: int) -> list[tuple[str, ...]]:
    """Events of a winter's day: at home in the night, at work from 6 to 22."""
    begin = datetime(day.year, day.month, day.day)
    return [
        (
            subscriber,
            f"{begin + timedelta(hours=hour, minutes=5)}+01:00",
            f"c{work if 6 <= hour < 22 else home}",
            "call",
        )
        for hour in range(24)
    ]


PEOPLE = {"a": (0, 1), "b": (0, 1), "c": (2, 3), "d": (3, 0)}


@dataclass(frozen=True)
class Delivered:
    """An installation in which both products of the week were delivered, and what came before."""

    stores: Stores
    s3: S3Server
    planned: Mapping[str, Step]
    """What the plan held after the days were ingested."""
    spent: int
    """Units of the month before the products were published."""

    def publish(
        self, product: str, revision_of: str | None = None, reason_id: int | None = None, period: Period = WEEK
    ) -> ReleaseRef:
        verb = Publish(self.stores, Lifted(), Refresh(self.stores, lambda: NOW), lambda: NOW)
        return verb(product, str(period), revision_of, reason_id)

    def deliver(self, product: str) -> DeliveryRef:
        return Deliver(self.stores, lambda: NOW, validator=plain)("nordmarkt", product, str(WEEK))

    def plan(self) -> Plan:
        return make_plan(self.stores, WEEK.first, WEEK.days[-1], NOW)

    def state(self, product: str) -> State:
        """Of the product's delivery."""
        return next(target.state for target in self.plan().targets if target.name == f"{product} {WEEK} to nordmarkt")

    def received(self) -> dict[str, pa.Table]:
        """What the client downloads and verifies: its first table by product, of the latest delivery."""
        session = Session(profile="nordmarkt")
        session.set_config_variable("credentials_file", str(self.s3.credentials))
        bucket = session.create_client("s3", region_name="eu-central-1", endpoint_url=self.s3.endpoint_url)
        listed = bucket.list_objects_v2(Bucket=BUCKET)["Contents"]
        objects = {
            item["Key"].removeprefix("throng/"): bucket.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            for item in listed
        }
        sizes = {name: len(content) for name, content in objects.items()}
        checked = verify(sizes, objects.__getitem__, public_key(self.stores.signing_keys.current()))
        return {
            each.manifest["product"]: pq.read_table(
                io.BytesIO(objects[each.base + each.manifest["schema"]["tables"][0]["path"]])
            )
            for each in sorted(checked.deliveries, key=lambda each: each.manifest["delivery_revision"])
        }


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    root = tmp_path_factory.mktemp("week")
    with pytest.MonkeyPatch.context() as patch, serve(root / "s3", {"nordmarkt": BUCKET}) as s3:
        for name in ("HOME", "LANDING", "LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT", "FORMATS"):
            patch.delenv(f"THRONG_{name}", raising=False)
        patch.chdir(root)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(s3.credentials))
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        make_landing(root / "landing")
        (root / "policy.toml").write_text(policy_of_two() + POLICY)
        with registered(COMMUTE, ARRIVALS):
            yield delivered(
                Settings(home=root / "home", landing=str(root / "landing"), policy=root / "policy.toml"), s3
            )


def make_landing(landing: Path) -> None:
    write_network(landing)
    write_people(landing, [person(name) for name in PEOPLE], [consent(name) for name in PEOPLE])
    (landing / "population.csv").write_text("zone_id,residents\nZ0,4000\nZ1,2000\nZ2,3000\nZ3,1000\n")
    for day in DAYS:
        write_events(landing, day, [row for name, places in PEOPLE.items() for row in commuting(name, day, *places)])


def delivered(settings: Settings, s3: S3Server) -> Delivered:
    stores, text = open_stores(settings), CLIENT.format(endpoint=s3.endpoint_url)
    spec = parse_client(text, "client.toml", ["commute", "arrivals"], ["parquet", "csv"])
    entry = AuditEntry("tester", "client applied", spec.name)
    stores.catalog.apply_client(spec.name, spec.model_dump(mode="json", by_alias=True), "digest", entry)
    for day in DAYS:
        Ingest(stores, Lifted(), lambda: NOW, validator=plain)(day)
    planned = {step.subject: step for step in make_plan(stores, WEEK.first, WEEK.days[-1], NOW).due}
    made = Delivered(stores, s3, planned, stores.ledger.months()[0].spent)
    made.publish("footfall", period=Period.day(DAYS[0]))
    for product in ("commute", "arrivals"):
        made.publish(product)
    for product in ("commute", "arrivals"):
        made.deliver(product)
    return made


def test_a_week_is_counted_by_two_places_and_arrivals_are_derived_from_it(week: Delivered) -> None:
    found = week.received()
    pairs = found["commute"].to_pylist()
    count = {(row["origin_zone_id"], row["destination_zone_id"]): row["persons"] - 100 for row in pairs}
    expected = {("Z0", "Z1"): 2, ("Z2", "Z3"): 1, ("Z3", "Z0"): 1}
    assert count == {(f"Z{one}", f"Z{other}"): 0 for one in range(4) for other in range(4)} | expected
    arrivals = {row["zone_id"]: row["persons"] - 400 for row in found["arrivals"].to_pylist()}
    assert arrivals == {"Z0": 1, "Z1": 2, "Z2": 0, "Z3": 1}


def test_people_follow_what_the_levels_declare(week: Delivered) -> None:
    for product, table in week.received().items():
        rows = table.to_pylist()
        assert all(row["people_low"] <= row["people"] <= row["people_high"] for row in rows), product
        assert sum(row["people"] for row in rows) > sum(row["persons"] for row in rows), product


def test_plan_and_budget_read_the_declaration(week: Delivered) -> None:
    drawn, derived = week.planned[f"commute {WEEK}"], week.planned[f"arrivals {WEEK}"]
    assert drawn.rho == pytest.approx(1 / 200 + 1 / 800)
    assert (derived.rho, derived.needs) == (0, (drawn.key,))
    charged = {release.product: charge.units for release, charge in week.stores.ledger.charges()}
    assert charged["commute"] + charged["footfall"] == week.stores.ledger.months()[0].spent - week.spent
    assert "arrivals" not in charged
    assert week.state("commute") is week.state("arrivals") is State.DONE


def test_a_derived_delivery_quotes_the_loss_of_what_it_is_derived_from(week: Delivered) -> None:
    for row in week.stores.catalog.deliveries():
        files = week.stores.lake.delivery(DeliveryKey.of(row), row.manifest_sha256)
        (manifest,) = (content for path, content in files.items() if path.endswith("/manifest.json"))
        assert json.loads(manifest)["privacy"]["rho"] == 0.00625, row.product


def test_a_revised_release_is_derived_from_again_and_free(week: Delivered) -> None:
    reason = week.stores.audit.write(AuditEntry.by_user("revision", "commute", "a test"))
    revised = week.publish("commute", f"commute/v1/{WEEK}/r1", reason)
    assert (revised.revision, revised.rho) == (2, 0.00625)
    spent = week.stores.ledger.months()[0].spent
    assert f"arrivals {WEEK}" in {step.subject for step in week.plan().due}
    again = week.publish("arrivals")
    assert (again.revision, again.rho) == (2, 0.0)
    assert week.publish("arrivals").outcome is Outcome.ALREADY_PUBLISHED
    assert week.deliver("arrivals").release_revision == 2
    assert week.stores.ledger.months()[0].spent == spent
    assert week.received()["arrivals"].num_rows == 4


def test_a_derived_product_waits_for_the_release_that_it_needs(week: Delivered) -> None:
    later = Period.parse("2026-W11")
    with pytest.raises(RefusedRelease) as refused:
        week.publish("arrivals", period=later)
    assert refused.value.code == "release.input_missing"
    planned = make_plan(week.stores, later.first, later.days[-1], NOW)
    assert next(step.state for step in planned.steps if step.product == "arrivals") is State.WAITING
