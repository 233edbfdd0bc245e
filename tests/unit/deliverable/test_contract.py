"""The data contract: valid by the standard's schema, and the data keeps it."""

import io
from collections.abc import Callable
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
from tasks.errors import RefusedDelivery
from tests.refusals import refused
from tests.unit.deliverable.factories import grant_view, release_view, rendered

GOOD = rendered()
CONTRACT = GOOD.files["contract.yaml"]
TABLE = read_contract(CONTRACT, "contract.yaml")


def test_the_contract_is_valid_by_the_standard() -> None:
    document = yaml.safe_load(CONTRACT)
    assert violations(document) == []
    assert [column["name"] for column in document["schema"][0]["properties"]] == GOOD.data.column_names


def test_the_contract_is_the_same_for_every_period_and_client() -> None:
    assert rendered(release_view(date(2026, 3, 3)), grant=grant_view("Z01")).files["contract.yaml"] == CONTRACT


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("version"),
        lambda c: c.update(kind="Agreement"),
        lambda c: c.update(apiVersion="v9"),
        lambda c: c["schema"][0]["properties"][0].update(logicalType="price"),
        lambda c: c["schema"][0]["properties"][0].update(unheard_of=1),
        lambda c: c["schema"][0]["properties"][0].pop("name"),
        lambda c: c["schema"][0]["properties"][0].pop("physicalType"),
        lambda c: c["schema"][0].update(properties=[]),
        lambda c: c["schema"].append(c["schema"][0]),
        lambda c: c.pop("schema"),
    ],
)
def test_a_broken_contract_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    document = yaml.safe_load(CONTRACT)
    change(document)
    with pytest.raises(RefusedDelivery) as refusal:
        read_contract(yaml.dump(document, Dumper=yaml.SafeDumper).encode(), "contract.yaml")
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
    with pytest.raises(RefusedDelivery) as refusal:
        read_contract(content, "contract.yaml")
    assert refusal.value.code in ("delivery.contract_unreadable", "delivery.contract_invalid")


def replaced(name: str, values: Any) -> pa.Table:
    return GOOD.data.set_column(GOOD.data.column_names.index(name), name, values)


def without(name: str) -> pa.Table:
    return replaced(name, pa.nulls(GOOD.rows, GOOD.data.schema.field(name).type))


BROKEN = [
    ("delivery.columns_differ", GOOD.data.drop_columns(["gender"])),
    ("delivery.columns_differ", replaced("local_hour", GOOD.data["local_hour"].cast(pa.int64()))),
    ("delivery.value_missing", without("zone_name")),
    ("delivery.value_invalid", replaced("status", pc.replace_substring(GOOD.data["status"], "e", "E"))),
    ("delivery.key_repeated", replaced("zone_id", pa.array(["Z01"] * GOOD.rows))),
    ("delivery.rows_differ", GOOD.data.slice(1)),
]


@pytest.mark.parametrize(("code", "data"), BROKEN)
def test_data_that_breaks_its_contract_is_refused(code: str, data: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(data, sink)
    with refused(code):
        check_parquet(sink.getvalue(), TABLE, GOOD.rows, "data.parquet")


def test_a_column_that_somebody_else_named_is_no_command() -> None:
    table = SchemaObject(properties=[SchemaProperty(name="`evil`", physicalType="string", required=True)])
    sink = io.BytesIO()
    pq.write_table(pa.table({"`evil`": pa.nulls(1, pa.string())}), sink)
    with refused("delivery.value_missing") as refusal:
        check_parquet(sink.getvalue(), table, 1, "data.parquet")
    assert "?evil?" in refusal.value.what


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 100])
def test_data_that_is_not_parquet_is_refused(content: bytes) -> None:
    with refused("delivery.data_unreadable"):
        check_parquet(content, TABLE, GOOD.rows, "data.parquet")


def test_a_rule_that_does_not_fit_its_column_is_refused() -> None:
    document = yaml.safe_load(CONTRACT)
    rule = {"metric": "invalidValues", "arguments": {"validValues": ["much"]}, "mustBe": 0, "type": "library"}
    document["schema"][0]["properties"][9]["quality"] = [rule]
    table = read_contract(yaml.safe_dump(document).encode(), "contract.yaml")
    with refused("delivery.data_unreadable"):
        check_parquet(GOOD.files["data.parquet"], table, GOOD.rows, "data.parquet")


def test_rules_of_other_kinds_are_left_to_the_clients_own_tools() -> None:
    document = yaml.safe_load(CONTRACT)
    rule = {"type": "text", "description": "Looks right."}
    document["schema"][0]["quality"].append(dict(rule))
    document["schema"][0]["properties"][2]["quality"].append(dict(rule))
    table = read_contract(yaml.safe_dump(document).encode(), "contract.yaml")
    check_parquet(GOOD.files["data.parquet"], table, GOOD.rows, "data.parquet")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b'"x\n', GOOD.files["data.csv"][:-200]])
def test_csv_of_other_columns_or_rows_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedDelivery) as refusal:
        check_csv(content, TABLE, GOOD.rows, "data.csv")
    assert refusal.value.code in ("delivery.rows_differ", "delivery.data_unreadable")
