"""A small release with all statuses, its zone plan and a client; made of plain numbers, no noise drawn."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.deliverable.delta import DeltaVersion, log_facts
from tasks.deliverable.files import Rendered, earlier_delivery, render
from tasks.deliverable.index import Cause, IndexDelivery, IndexPeriod, index_facts, issue
from tasks.deliverable.level_view import DimensionView, LevelView
from tasks.deliverable.signature import signed
from tasks.deliverable.statements import left_out
from tasks.deliverable.view import DeliveryView, EstimateView, GrantView, PrivacyView, ReleaseView, ZonesView
from tasks.period import Period, day_hours
from tasks.policy import Publisher
from tasks.policy_file import load
from tasks.products.registry import products
from tasks.products.spec import OPTED_IN, DataProduct

SIGNING_KEY = bytes(range(32))
PUBLISHER = Publisher(
    name="Example Mobile Ltd",
    legal_address="1 Example Street, Berlin",
    support="support@operator.example",
    support_hours="Weekdays, 9:00 to 17:00",
    url="https://operator.example/data",
    licence="For the recipient's own use",
    sla="99 % on time",
    retention="At most 24 months",
    recall="We write to your contact",
    onward_sharing="None",
    data_protection="Consent; privacy@operator.example",
)
LEFT_OUT = left_out(load().policy.who)
AGES = ("18-24", "25-34", "65+")
GENDERS = ("f", "m", "x")
DISTRICTS = {"North": "Nordstadt", "South": "South"}


def dimension(name: str, *values: object, granted_by: Literal["zone", "district"] | None = None) -> DimensionView:
    return DimensionView(name, pa.string(), f"The {name}.", values, granted_by)


ZONE = dimension("zone_id", "Z01", "Z02", "Z03", "Z04", granted_by="zone")
DISTRICT = dimension("district_id", "North", "South", granted_by="district")
AGE = dimension("age_band", *AGES)
GENDER = replace(dimension("gender", *GENDERS), hidden=frozenset("x"))


def hours(day: date) -> DimensionView:
    starts = day_hours(day, ZoneInfo("Europe/Berlin"))
    return DimensionView("hour_start", pa.timestamp("s", "UTC"), "When the hour begins.", starts)


def levels(day: date) -> tuple[LevelView, LevelView]:
    """Two levels, as footfall has them."""
    return (
        LevelView(
            "zone_hour",
            "Opted-in subscribers by the zone where they spent most of the hour.",
            (ZONE, hours(day)),
            frozenset({"zone_id"}),
            Decimal(32),
            24,
            96,
        ),
        LevelView(
            "district_hour_demographic",
            "The same subscribers by district, age band and gender.",
            (DISTRICT, hours(day), AGE, GENDER),
            frozenset({"district_id", "age_band", "gender"}),
            Decimal(64),
            24,
            192,
        ),
    )


def square(x: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[x, 50.0], [x + 0.1, 50.0], [x + 0.1, 50.1], [x, 50.1], [x, 50.0]]]}


def zones_view(names: tuple[str, ...] = ("Altstadt", "Bahnhof", "Campus", "Dom")) -> ZonesView:
    ids, districts = ("Z01", "Z02", "Z03", "Z04"), ("North", "North", "South", "South")
    features = [
        {
            "type": "Feature",
            "properties": {"zone_id": z, "name": n, "parent_id": d, "sensitive": False, "merged_from": ["Z09"]},
            "geometry": square(8 + i / 10),
        }
        for i, (z, n, d) in enumerate(zip(ids, names, districts, strict=True))
    ]
    geojson = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return ZonesView("abc123def456", ids, names, districts, DISTRICTS, {"Z09": "Z02"}, geojson)


ESTIMATE = EstimateView(
    estimator="tenfold 1",
    digest="0123456789abcdef",
    residents=55_000,
    youngest=18,
    census_source="Statistical office",
    census_as_of="2025-12-31",
    panel="panel/v2/2026-02/r1",
    footfall="footfall/v3/2026-03-02/r1",
    detection="detection/v1/2026-03-02/r1",
    dwell="dwell/v1/2026-03-02/r1",
    trips=None,
    area="closed",
    largest_error="sampling",
    weak_zones=("Z02",),
    effective_size=4_321,
)
"""Of people, by a toy."""


def release_view(day: date = date(2026, 3, 2), **changes: Any) -> ReleaseView:
    view = ReleaseView(
        product="footfall",
        version=3,
        period=Period.day(day),
        revision=1,
        created_at=datetime(2026, 3, 3, 5, tzinfo=UTC),
        timezone="Europe/Berlin",
        levels=levels(day),
        privacy=PrivacyView(0.0146484375, 1.1, 1.0, 9.5, 1e-9, "strict", "0" * 64, 77),
        panel=None,
        panel_reason="no month before 2026-03 has a panel release.",
        warnings=(),
        quality={"hours_covered": 24},
        sha256="1" * 64,
        basis=OPTED_IN.meaning,
        left_out=LEFT_OUT,
    )
    return replace(view, **changes)


def release_table(release: ReleaseView, seed: int = 1) -> pa.Table:
    """Every key of each level in the release's own columns, shuffled; small values withheld, one instant incomplete."""
    generator = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for level in release.levels:
        gap = level.instant and level.instant.values[3]
        for key in product(*(dimension.values for dimension in level.dimensions)):
            value = float(generator.gamma(2, 2.2 * level.threshold / 2)) + 1 / 3
            keys = dict(zip((dimension.name for dimension in level.dimensions), key, strict=True))
            rows.append({"level": level.name, **keys, **_numbers(value, level, gap in key)})
    types = {dimension.name: dimension.type for level in release.levels for dimension in level.dimensions}
    numbers = dict.fromkeys(("value", "se", "low", "high"), pa.float64())
    schema = pa.schema({"level": pa.string(), **types, **numbers, "status": pa.string()})
    return pa.Table.from_pylist([rows[i] for i in generator.permutation(len(rows))], schema=schema)


def _numbers(value: float, level: LevelView, incomplete: bool) -> dict[str, Any]:
    if incomplete or level.sigma is None or value < level.threshold:
        return {"status": "incomplete" if incomplete else "withheld_small"}
    se = float(level.sigma)
    return {"value": value, "se": se, "low": value - 1.645 * se, "high": value + 1.645 * se, "status": "estimate"}


def grant_view(*zones: str, formats: tuple[str, ...] = ("parquet", "csv")) -> GrantView:
    return GrantView("nordmarkt", "data@nordmarkt.example", zones or ("*",), formats, "09:00", Publisher())


def rendered(
    release: ReleaseView | None = None,
    plan: ZonesView | None = None,
    grant: GrantView | None = None,
    delivery: DeliveryView | None = None,
    key: bytes = SIGNING_KEY,
) -> Rendered:
    if (release, plan, grant, delivery, key) == (None, None, None, None, SIGNING_KEY):
        return _usual()
    release, plan = release or release_view(), plan or zones_view()
    table = release_table(release)
    return render(release, table, plan, grant or grant_view(), delivery or DeliveryView(1), key)


@cache
def _usual() -> Rendered:
    """What most tests begin with: made once."""
    return rendered(release_view())


def revision(before: Rendered) -> DeliveryView:
    """The delivery after another one of the same period."""
    return DeliveryView(before.path.revision + 1, earlier_delivery(before.files))


def document(delivery: Rendered, name: str) -> bytes:
    """A file beside the manifest."""
    return delivery.files[f"{delivery.path.documents}/{name}"]


def text(delivery: Rendered, name: str = "README.md") -> str:
    return document(delivery, name).decode()


def manifest(delivery: Rendered) -> dict[str, Any]:
    return dict(json.loads(document(delivery, "manifest.json")))


def lines(delivery: Rendered, table: str = "zone_hour") -> list[dict[str, str]]:
    """The rows of a table's CSV file."""
    return list(csv.DictReader(io.StringIO(text(delivery, f"{table}.csv"))))


def stored(delivery: Rendered, table: str = "zone_hour") -> pa.Table:
    """The rows of a table's Parquet file."""
    path = f"{delivery.path.rows(table)}/{delivery.path.product}.parquet"
    return pq.read_table(io.BytesIO(delivery.files[path]))


LEDGER = 64 * "0"
ISSUED = datetime(2026, 3, 5, 9, tzinfo=UTC)


def index_of(
    *deliveries: Rendered,
    late: tuple[date, ...] = (),
    sequence: int = 1,
    previous: str | None = None,
    ledger: str = LEDGER,
    key: bytes = SIGNING_KEY,
    logs: Sequence[DeltaVersion] = (),
) -> bytes:
    """The index of these deliveries, of which the last of each period is current, of late days and Delta tables."""
    last = {each.path.period: each for each in deliveries}
    periods = [
        IndexPeriod(of.path.product, of.path.version, period, None, ISSUED, of.path.folder, of.manifest_sha256)
        for period, of in last.items()
    ]
    periods += [IndexPeriod("footfall", 3, Period.day(day), Cause.DATA_NOT_ARRIVED, ISSUED) for day in late]
    listed = [_listed(each, last) for each in deliveries]
    facts = index_facts("nordmarkt", periods, listed, {}, ledger, delta=log_facts("footfall/v3", logs) if logs else ())
    return issue(facts, sequence, previous, ISSUED, key)


def _listed(delivery: Rendered, last: dict[Period, Rendered]) -> IndexDelivery:
    path, stated = delivery.path, manifest(delivery)
    return IndexDelivery(
        product=path.product,
        version=path.version,
        period=path.period,
        revision=path.revision,
        release_revision=stated["release_revision"],
        state="current" if last[path.period] is delivery else "superseded",
        reason=stated["changes"]["reason"],
        published_at=ISSUED,
        rows=delivery.rows,
        bytes=sum(map(len, delivery.files.values())),
        zone_plan=stated["zone_plan_version"],
        path=path.folder,
        digest=delivery.manifest_sha256,
    )


def signed_again(content: bytes, change: Callable[[dict[str, Any]], object], key: bytes = SIGNING_KEY) -> bytes:
    """A changed index that is signed anew: what only a signer can do."""
    document = json.loads(content)
    change(document)
    return signed(document, key)


def placed(*deliveries: Rendered) -> dict[str, bytes]:
    """The files below the client's prefix."""
    return {f"{each.path.product_folder}/{path}": body for each in deliveries for path, body in each.files.items()}


def product_columns() -> set[str]:
    """Every key and number column that any product delivers, of its alternative too."""
    parts = [part for part in products() if part.for_clients]
    parts += [part.alternative for part in parts if isinstance(part, DataProduct) and part.alternative]
    levels = [level for part in parts for level in part.released]
    found = {name for level in levels for name in level.quantity.columns}
    for each in {each.name: each for level in levels for each in level.dimensions}.values():
        view = DimensionView(each.name, each.type, each.meaning, (), each.granted_by, each.named_by)
        found |= {view.column} | ({view.name_column} if view.place else set())
        found |= {view.local_column} if view.is_instant else set()
    return found
