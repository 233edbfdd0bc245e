"""Footfall by slots of three hours, as the policy chose: from the landing to a client's bucket, with people."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tasks.client_state import client_spec
from tasks.quantity import PEOPLE
from tasks.services.s3 import S3Server
from tasks.store import open_stores
from tests.end_to_end.conftest import Said, Throng
from tests.unit.products.counting import by_slots

DAY = "2026-03-03"
SLOTS = range(0, 24, 3)
VISITORS = """[[grants]]
product = "visitors"
zones = ["*"]
from = 2026-03-03
formats = ["parquet"]
deliver_by = "09:00"
"""


@pytest.fixture
def received(
    throng: Throng, client: Callable[..., Said], s3: S3Server, plain_gates: None, tmp_path: Path
) -> Mapping[str, pa.Table]:
    """The tables of a day's footfall and visitors, as the client downloads and verifies them."""
    policy = tmp_path / "policy.toml"
    policy.write_text(by_slots(policy.read_text()))
    client("[[grants]]", VISITORS + "[[grants]]")
    products = ("footfall", "visitors")
    verbs = [["ingest", DAY], *(["publish", each, DAY] for each in products)]
    verbs += [["deliver", "nordmarkt", each, DAY] for each in products]
    for words in verbs:
        said = throng(*words)
        assert said.code == 0, said.text
    stores = open_stores()
    bucket = stores.buckets.open(client_spec(stores, "nordmarkt").destination)
    folder = tmp_path / "received"
    for key in bucket.sizes():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(bucket.get(key))
    assert throng("verify", str(folder)).code == 0
    return {path.parts[path.parts.index("data") + 1]: pq.read_table(path) for path in folder.rglob("data/**/*.parquet")}


def test_slots_are_delivered_with_people_and_other_products_of_the_day_rest_on_them(
    throng: Throng, received: Mapping[str, pa.Table]
) -> None:
    assert set(received) == {"zone_slot", "district_slot_demographic", "zone", "zone_visits"}
    slots, zones = received["zone_slot"], received["zone"]["zone_id"].to_pylist()
    assert sorted(zip(slots["zone_id"].to_pylist(), slots["local_slot"].to_pylist(), strict=True)) == sorted(
        (zone, slot) for zone in zones for slot in SLOTS
    )
    residents = pc.sum(pyarrow.csv.read_csv(throng.landing / "population.csv")["residents"]).as_py()
    for slot in slots.group_by("local_slot").aggregate([("people", "sum")]).to_pylist():
        assert 0.7 * residents < slot["people_sum"] < 1.1 * residents, "all are somewhere, and small zones are withheld"
    for table in received.values():
        shown = table.filter(pc.equal(table["status"], "estimate"))
        assert shown.num_rows
        for name in PEOPLE:
            assert shown[name].null_count == 0, name
        low, people, high = (shown[name].to_numpy() for name in ("people_low", "people", "people_high"))
        assert ((low <= people) & (people <= high) & (people > 0)).all()
