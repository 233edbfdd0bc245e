"""Two simulated days from landing to bucket under fixed keys and a fixed noise source, and the figures they give.

Only this file knows how Throng is called and read; what the figures are must not change with it.
"""

import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import yaml
from botocore.session import Session

from tasks.deliver import Deliver
from tasks.ingest import Ingest
from tasks.mobility.tables import MONTH_STATE, PRESENCE
from tasks.period import Period
from tasks.privacy.bounds import Integers
from tasks.refs import ReleaseRef
from tasks.services.s3 import S3Server
from tasks.settings import Settings
from tasks.simulate import SimulationPlan, simulate
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey
from tests.integration.verbs.acting import apply
from tests.plain_validator import plain
from tests.publisher import publisher

DAYS = (date(2026, 3, 28), date(2026, 3, 29))
"""The second has 23 hours."""
MONTH = "2026-03"
CLIENTS = {"nordmarkt": ["*"], "other": []}
"""Zones granted to each client; the second is granted one zone and one district of the plan."""
NOW = datetime(2026, 4, 20, tzinfo=UTC)
CLIENT = """[client]
name = "{name}"
contact = "data@{name}.example"
[destination]
bucket = "{name}-bucket"
prefix = "figures"
region = "eu-central-1"
endpoint_url = "{endpoint}"
profile = "{name}"
[[grants]]
product = "footfall"
zones = {zones}
from = 2026-03-28
until = 2026-03-29
formats = ["parquet", "csv"]
deliver_by = "09:00"
"""


class FixedNoise:
    """The same integers for a level of a given size on any machine: from -1 to 8 sigma, so that many keys are shown."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        step = int(sigma * unit)
        spread = [zlib.crc32(f"{sigma} {size} {n}".encode()) % (9 * step) - step for n in range(size)]
        return np.array(spread, dtype=np.int64)


@dataclass(frozen=True)
class Installation:
    """A home with fixed keys, its landing, and its clients' buckets."""

    home: Path
    landing: Path
    server: S3Server

    def stores(self) -> Stores:
        return open_stores(Settings(home=self.home, landing=str(self.landing)))

    def run(self) -> list[ReleaseRef]:
        """Each verb once; the releases that were drawn."""
        stores = self.stores()
        _fix_keys(stores)
        for name, zones in CLIENTS.items():
            text = CLIENT.format(name=name, endpoint=self.server.endpoint_url, zones=json.dumps(zones or self._some()))
            apply(self.home, self.landing, text)
        for day in DAYS:
            reason = stores.audit.write(AuditEntry.by_user("override", str(day), "a test"))
            Ingest(stores, FixedNoise(), lambda: NOW, validator=plain)(day, (), reason)
        publish = publisher(stores, FixedNoise(), lambda: NOW)
        refs = [*(publish("footfall", str(day)) for day in DAYS), publish("panel", MONTH)]
        for name in CLIENTS:
            for day in DAYS:
                Deliver(stores, lambda: NOW, validator=plain)(name, "footfall", str(day))
        return refs

    def lake_rows(self, day: date) -> dict[str, list[tuple[int, ...]]]:
        """Rows of each table of the day."""
        stores, columns = self.stores(), {table.name: table.schema.names for table in (PRESENCE, MONTH_STATE)}
        (generation,) = (row.generation for row in stores.catalog.days(day, day))
        rows: dict[str, list[tuple[int, ...]]] = {name: [] for name in columns}
        for file in stores.catalog.lake_files({day: generation}):
            if names := columns.get(file.table):
                table = stores.lake.rows(file)
                rows[file.table] += zip(*(table[name].to_pylist() for name in names), strict=True)
        return {name: sorted(found) for name, found in rows.items()}

    def account(self, day: date) -> dict[str, int]:
        """Rows by reason."""
        catalog, total = self.stores().catalog, dict[str, int]()
        (row,) = catalog.days(day, day)
        for line in catalog.account(day, row.generation):
            total[line.reason] = total.get(line.reason, 0) + line.rows
        return total

    def charges(self) -> dict[str, int]:
        """Units of each release, and of the month."""
        ledger = self.stores().ledger
        charged = {f"{r.product} {r.period} rho {r.rho}": charge.units for r, charge in ledger.charges(MONTH)}
        return charged | {f"spent {month.month}": month.spent for month in ledger.months()}

    def release(self, ref: ReleaseRef) -> pa.Table:
        """The release's table."""
        key = ReleaseKey(ref.product, ref.version, ref.period, ref.revision)
        return self.stores().lake.release(key, ref.sha256).table

    def received(self, client: str) -> dict[str, bytes]:
        """Objects of a client's bucket."""
        session = Session(profile=client)
        session.set_config_variable("credentials_file", str(self.server.credentials))
        s3 = session.create_client("s3", region_name="eu-central-1", endpoint_url=self.server.endpoint_url)
        bucket, found = f"{client}-bucket", {}
        for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
            found[item["Key"]] = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        return found

    def _some(self) -> list[str]:
        """A zone, and a district that it is not in."""
        zones = [zone["properties"] for zone in json.loads((self.landing / "zones.geojson").read_text())["features"]]
        zones.sort(key=lambda zone: zone["zone_id"])
        return [zones[0]["zone_id"], next(z["parent_id"] for z in zones if z["parent_id"] != zones[0]["parent_id"])]


def make_landing(root: Path) -> None:
    """A small city on two days."""
    simulate(root, SimulationPlan(240, len(DAYS), DAYS[0], seed=29, zones=12, rate=60, opt_in=0.9))


def figures(of: Installation) -> dict[str, Any]:
    """Everything that must stay equal: integers as digests or as they are, decimal figures as weighted sums."""
    refs = of.run()
    return {
        "account": {str(day): of.account(day) for day in DAYS},
        "lake": {f"{day} {t}": digest(rows) for day in DAYS for t, rows in of.lake_rows(day).items()},
        "charges": of.charges(),
        "releases": {f"{ref.product} {ref.period}": _release(of.release(ref)) for ref in refs},
        "deliveries": {name: _delivered(of.received(name)) for name in CLIENTS},
    }


def digest(rows: Iterable[object]) -> str:
    """Number of rows, and sha256 of them."""
    listed = list(rows)
    return f"{len(listed)} rows, {hashlib.sha256(repr(listed).encode()).hexdigest()[:32]}"


NUMBERS = ("value", "se", "low", "high")
PLACES = ("zone_id", "district_id")
KEYS = ("level", *PLACES, "hour_start", "age_band", "gender")


def _release(table: pa.Table) -> dict[str, Any]:
    """By level and place: statuses by key as digest, figures as weighted sums."""
    rows = [row | {"place": next(row[name] for name in PLACES if row.get(name))} for row in table.to_pylist()]
    return _by_place(rows, KEYS, NUMBERS)


def _by_place(rows: list[dict[str, Any]], keys: Iterable[str], numbers: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for label in sorted({(row["level"], row["place"]) for row in rows}):
        some = [row for row in rows if (row["level"], row["place"]) == label]
        keyed = sorted((tuple(str(row.get(name) or "") for name in keys), row) for row in some) if some else []
        statuses = [(*key, row["status"]) for key, row in keyed]
        sums = [sum(_weight(key) * (row[name] or 0.0) for key, row in keyed) for name in numbers]
        found[" ".join(label)] = [digest(statuses), *sums]
    return found


def _weight(key: tuple[str, ...]) -> float:
    """From 1 to 2, by the key: figures that change places change the sum."""
    return 1 + int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:4], "big") / 2**32


def _delivered(objects: Mapping[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(objects):
        short = _without_content(name.removeprefix("figures/footfall/v3/"))
        if short.startswith("reference/"):
            found[short] = _places(objects[name]) if name.endswith(".geojson") else None
        elif name.endswith(".parquet"):
            found[short] = _data(pq.read_table(BytesIO(objects[name])))
        elif name.endswith(".csv"):
            texts = pc.ConvertOptions(column_types=dict.fromkeys(_header(objects[name]), pa.string()))
            rows = pc.read_csv(BytesIO(objects[name]), convert_options=texts).to_pylist()
            found[short] = digest([list(rows[0]), *(_without_numbers(row) for row in rows)])
        elif name.endswith("manifest.json"):
            found[short] = _manifest(json.loads(objects[name]))
        elif name.endswith("contract.yaml"):
            found[short] = _contract(yaml.safe_load(objects[name]))
        elif name.endswith("index.json"):
            found[short] = [(period["period"], period["state"]) for period in json.loads(objects[name])["periods"]]
        else:
            found[short] = None
    return found


def _without_content(path: str) -> str:
    """A path without the digest of what its folder holds, which new versions of libraries write otherwise."""
    return re.sub(r"content=[0-9a-f]+/", "", path)


def _places(content: bytes) -> list[str]:
    """Ids with areas to a hectare."""
    places = [feature["properties"] for feature in json.loads(content)["features"]]
    return sorted(f"{place.get('zone_id', place['district_id'])} {place['area_km2']:.2f}" for place in places)


def _header(content: bytes) -> list[str]:
    return content.partition(b"\n")[0].decode().strip().replace('"', "").split(",")


PERSONS = ("persons", "se", "persons_low", "persons_high", "persons_per_km2")


def _data(table: pa.Table) -> dict[str, Any]:
    """Types of its columns, its keys in their order, and the figures by level and place."""
    rows = table.to_pylist()
    keys = [digest([_without_numbers(row) for row in rows])]
    placed = [row | {"place": next(row[name] for name in PLACES if name in row)} for row in rows]
    sums = _by_place(placed, [name for name in table.column_names if name not in PERSONS], PERSONS)
    whole = [sum(each[n] for each in sums.values()) for n in range(1, 5)]
    return {"columns": [f"{field.name} {field.type}" for field in table.schema], "keys": keys, "sums": whole}


def _without_numbers(row: Mapping[str, Any]) -> list[str]:
    return [str(value) for name, value in row.items() if name not in PERSONS]


def _manifest(document: dict[str, Any]) -> dict[str, Any]:
    """Its facts without prose and without what a rendering's bytes decide."""
    keep = ("product", "version", "cadence", "period", "period_start", "period_end", "timezone", "release_id",
            "release_revision", "delivery_revision", "zone_plan_version", "created_at", "key_id")  # fmt: skip
    numbers = {name: document["privacy"][name] for name in ("rho", "epsilon", "delta", "sigma", "bound", "threshold")}
    columns = digest(
        (table["name"], column["name"], column["type"])
        for table in document["schema"]["tables"]
        for column in table["columns"]
    )
    quality = {name: document["quality"][name] for name in ("rows_by_status", "withheld_share")}
    return {
        **{name: document[name] for name in keep},
        "files": [(_without_content(file["path"]), file["rows"]) for file in document["files"]],
        "panel_size": document["population"]["panel_size"],
        "additive_over": document["schema"]["additive_over"],
        **numbers,
        **quality,
        "columns": columns,
    }


def _contract(document: dict[str, Any]) -> list[str]:
    """Columns with their types."""
    return [
        f"{table['name']} {column['name']} {column['physicalType']}"
        for table in document["schema"]
        for column in table["properties"]
    ]


def _fix_keys(stores: Stores) -> None:
    """Put keys made of their names where the store would have made random ones."""
    root = stores.settings.keys_root
    for period in map(Period.parse, (*map(str, DAYS), MONTH)):
        _write_key(root / "pseudonym" / f"{period.cadence}-{period}.key", f"pseudonym {period}")
        _write_key(root / "data" / f"{period.cadence}-{period}.key", f"data {period}")
    _write_key(root / "signing" / "signing.key", "signing")
    _write_key(root / "digest" / "digest.key", "digest")


def _write_key(path: Path, name: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(hashlib.sha256(name.encode()).digest())
    os.chmod(path, 0o600)  # noqa: PTH101
