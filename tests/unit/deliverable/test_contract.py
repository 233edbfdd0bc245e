"""The data contract: valid by the standard's schema, and the data keeps it."""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from open_data_contract_standard.model import SchemaObject, SchemaProperty

from tasks.deliverable.contract_check import check_csv, check_parquet, read_contract
from tasks.deliverable.renderers.contract import violations
from tasks.deliverable.verifier.untrusted import VerificationError
from tasks.period import Cadence, Period
from tests.refusals import refused
from tests.unit.deliverable.factories import (
    document,
    grant_view,
    manifest,
    release_view,
    rendered,
    revision,
    stored,
    zones_view,
)

GOOD = rendered()
CONTRACT = document(GOOD, "contract.yaml")
NAME = "district_hour_demographic"
DATA = stored(GOOD, NAME)
TABLE = read_contract(CONTRACT, "contract.yaml")[NAME]
(SCHEMA,) = (table for table in manifest(GOOD)["schema"]["tables"] if table["name"] == NAME)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def check(content: bytes, contract: SchemaObject = TABLE) -> None:
    check_parquet(content, SCHEMA, contract, DATA.num_rows, "footfall.parquet")


def test_the_contract_is_valid_by_the_standard() -> None:
    contract = yaml.safe_load(CONTRACT)
    assert violations(contract) == []
    for table in contract["schema"]:
        columns: dict[bool, list[str]] = {True: [], False: []}
        for column in table["properties"]:
            columns[column.get("partitioned", False)].append(column["name"])
        assert columns == {False: stored(GOOD, table["name"]).column_names, True: ["cadence", "dt", "revision"]}


@pytest.mark.parametrize("day", [date(2026, 3, 3), date(2026, 3, 29), date(2026, 10, 25)])
def test_the_contract_is_the_same_for_every_period_and_client(day: date) -> None:
    other = rendered(release_view(day), zones_view(("A", "B", "C", "D")), grant_view("Z01"), revision(GOOD))
    assert document(other, "contract.yaml") == CONTRACT


def test_the_contract_promises_what_the_grant_and_the_cadence_say() -> None:
    week = Period.holding(Cadence.WEEK, date(2026, 3, 2))
    late = replace(grant_view(), deliver_by="11:30")
    contract = yaml.safe_load(document(rendered(release_view(period=week), grant=late), "contract.yaml"))
    assert {each["property"]: (each["value"], each.get("unit")) for each in contract["slaProperties"]} == {
        "frequency": (1, "week"),
        "timeOfAvailability": ("11:30", None),
    }
    assert contract["servers"][0]["path"] == "data/{model}/cadence=week/dt=*/revision=*/footfall.parquet"


def test_each_column_has_its_types_unit_and_example() -> None:
    told = {column.name: column for column in TABLE.properties or []}
    types = {name: (column.logicalType, column.physicalType) for name, column in told.items()}
    assert types["hour_utc"] == ("timestamp", "TIMESTAMP_TZ")
    assert types["local_hour"] == ("integer", "INTEGER")
    assert types["persons"] == ("integer", "BIGINT")
    assert types["se"] == ("number", "DOUBLE")
    assert types["gender"] == ("string", "VARCHAR")
    assert types["dt"] == ("date", "DATE")
    units = {name: each.value for name, column in told.items() for each in column.customProperties or []}
    assert (units["persons"], units["local_hour"], units["utc_offset_minutes"]) == ("persons", "h", "min")
    assert {name for name, column in told.items() if not column.examples} == {"district_id", "district_name"}


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("version"),
        lambda c: c.update(kind="Agreement"),
        lambda c: c.update(apiVersion="v9"),
        lambda c: c["schema"][0]["properties"][0].update(logicalType="price"),
        lambda c: c["schema"][0]["properties"][0].update(unheard_of=1),
        lambda c: c["schema"][0]["properties"][0].pop("name"),
        lambda c: c["schema"].append(c["schema"][0]),
    ],
)
def test_a_broken_contract_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    contract = yaml.safe_load(CONTRACT)
    change(contract)
    with pytest.raises(VerificationError) as refusal:
        read_contract(yaml.dump(contract, Dumper=yaml.SafeDumper).encode(), "contract.yaml")
    assert refusal.value.code.startswith("delivery.contract_")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- 1",
        b"a: [",
        b"\xff\xfe\x00",
        b"a: &x [1]\nb: *x",
        b"[" * 200_000,
        b"a" * (1 << 20),
        b"!!python/object:os.x {}",
    ],
)
def test_what_is_not_plain_yaml_is_refused(content: bytes) -> None:
    with pytest.raises(VerificationError) as refusal:
        read_contract(content, "contract.yaml")
    assert refusal.value.code in ("delivery.contract_unreadable", "delivery.contract_invalid")


def replaced(name: str, values: Any) -> pa.Table:
    place = DATA.column_names.index(name)
    return DATA.set_column(place, DATA.schema.field(place), values)


BROKEN = [
    ("delivery.columns_differ", DATA.drop_columns(["gender"])),
    ("delivery.columns_differ", DATA.cast(pa.schema([field.with_nullable(True) for field in DATA.schema]))),
    ("delivery.columns_differ", DATA.set_column(5, "local_hour", DATA["local_hour"].cast(pa.int64()))),
    ("delivery.value_invalid", replaced("status", pc.replace_substring(DATA["status"], "e", "E"))),
    ("delivery.value_invalid", replaced("gender", pc.replace_substring(DATA["gender"], "m", "x"))),
    ("delivery.key_repeated", replaced("age_band", pa.array(["25-34"] * DATA.num_rows))),
    ("delivery.rows_differ", DATA.slice(1)),
]


@pytest.mark.parametrize(("code", "data"), BROKEN)
def test_data_that_breaks_its_contract_is_refused(code: str, data: pa.Table) -> None:
    with refused(code):
        check(parquet(data))


def test_a_value_that_the_contract_requires_must_be_there() -> None:
    contract = TABLE.model_copy(deep=True)
    (persons,) = (each for each in contract.properties or [] if each.name == "persons")
    persons.required = True
    with refused("delivery.value_missing"):
        check(parquet(DATA), contract)


def test_a_column_of_the_file_cannot_be_called_one_of_the_folder() -> None:
    contract = TABLE.model_copy(deep=True)
    (status,) = (each for each in contract.properties or [] if each.name == "status")
    status.partitioned = True
    with refused("delivery.columns_differ"):
        check(parquet(DATA), contract)


def test_a_column_that_somebody_else_named_is_no_command() -> None:
    contract = SchemaObject(properties=[SchemaProperty(name="`evil`", physicalType="string", required=True)])
    column = {"name": "`evil`", "type": "string", "required": False}
    schema = {"name": "t", "path": "t.parquet", "columns": [column]}
    content = parquet(pa.table({"`evil`": pa.nulls(1, pa.string())}))
    with refused("delivery.value_missing") as refusal:
        check_parquet(content, schema, contract, 1, "t.parquet")
    assert "?evil?" in refusal.value.what


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 100])
def test_data_that_is_not_parquet_is_refused(content: bytes) -> None:
    with refused("delivery.data_unreadable"):
        check(content)


LETTERS = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000, pa.int32()), pa.array(["x" * 1_000]))


def test_a_csv_file_of_many_columns_is_not_unpacked() -> None:
    begun = time.process_time()
    with refused("delivery.rows_differ"):
        check_csv(b"," * 600_000 + b"\n", SCHEMA, DATA.num_rows, "footfall.csv")
    assert time.process_time() - begun < 2


BOMBS = {
    "a long text in every row": pa.table({"zone_id": LETTERS}),
    "one number in every row": pa.table({"persons": pa.array([7] * 300_000, pa.int64())}),
    "one row of many values": pa.table({"persons": pa.array([[7] * 300_000], pa.list_(pa.int64()))}),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_that_unpacks_to_a_large_table_is_not_unpacked(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.deliverable.contract_check.FILE_BYTES", 1 << 20)
    sink, data = io.BytesIO(), BOMBS[bomb]
    pq.write_table(data, sink, store_schema=False)
    columns = [
        {"name": f.name, "type": str(pq.read_schema(sink).field(0).type), "required": False} for f in data.schema
    ]
    with refused("delivery.data_too_large"):
        check_parquet(sink.getvalue(), {"name": NAME, "columns": columns}, TABLE, data.num_rows, "footfall.parquet")


def test_a_rule_that_does_not_fit_its_column_is_refused() -> None:
    contract = yaml.safe_load(CONTRACT)
    rule = {"metric": "invalidValues", "arguments": {"validValues": ["much"]}, "mustBe": 0, "type": "library"}
    (table,) = (table for table in contract["schema"] if table["name"] == NAME)
    (persons,) = (column for column in table["properties"] if column["name"] == "persons")
    persons["quality"] = [rule]
    with refused("delivery.data_unreadable"):
        check(parquet(DATA), read_contract(yaml.safe_dump(contract).encode(), "contract.yaml")[NAME])


def test_rules_of_other_kinds_are_left_to_the_clients_own_tools() -> None:
    contract = yaml.safe_load(CONTRACT)
    rule = {"type": "text", "description": "Looks right."}
    for table in contract["schema"]:
        table["quality"].append(dict(rule))
        table["properties"][0]["quality"].append(dict(rule))
    check(parquet(DATA), read_contract(yaml.safe_dump(contract).encode(), "contract.yaml")[NAME])


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b'"x\n', document(GOOD, f"{NAME}.csv")[:-200]])
def test_csv_of_other_columns_or_rows_is_refused(content: bytes) -> None:
    with pytest.raises(VerificationError) as refusal:
        check_csv(content, SCHEMA, DATA.num_rows, f"{NAME}.csv")
    assert refusal.value.code in ("delivery.rows_differ", "delivery.data_unreadable")
