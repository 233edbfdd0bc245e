"""What lies beside an event file: the ids of a register of subscribers, or that there are none to be had."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.events.formats import shipped
from tasks.events.formats.sections import Ids
from tasks.events.sample import subscriber_ids
from tests.unit.events.factory import write


def test_ids_stand_as_the_register_has_them_whatever_rule_compares_them(tmp_path: Path) -> None:
    write(tmp_path / "subscribers.csv", b"subscriber_id\n+49A\n0049a\n")
    formats = shipped().model_copy(update={"ids": Ids(case="lower", prefixes={"+49": "0"})})
    found = subscriber_ids(tmp_path, formats)
    assert found is not None
    assert sorted(found.to_pylist()) == ["+49A", "0049a"]


def test_a_landing_without_subscribers_has_no_ids(tmp_path: Path) -> None:
    assert subscriber_ids(tmp_path, shipped()) is None


def test_a_damaged_register_of_subscribers_has_no_ids(tmp_path: Path) -> None:
    path = tmp_path / "subscribers.parquet"
    pq.write_table(pa.table({"subscriber_id": [str(n) * 9 for n in range(9999)]}), path, use_dictionary=False)
    content = path.read_bytes()
    path.write_bytes(content[:1000] + b"\xff" * 4000 + content[5000:])
    assert subscriber_ids(tmp_path, shipped()) is None
