"""A format of its own is one TOML file: an operator's odd export goes from landing to a verified delivery by it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tasks.client_state import client_spec
from tasks.store import open_stores
from tests.end_to_end.conftest import DAY, Said, Throng

pytestmark = pytest.mark.usefixtures("plain_gates")
TOY = """
[events.toy]
suffixes = [".dump"]
separator = "|"
header = false
names = ["kind", "antenna", "at", "line"]
subscriber = "line"
cell = "antenna"
time = { column = "at", pattern = "%d.%m.%Y %H:%M:%S", zone = "UTC" }

[ids]
prefixes = { "tel:" = "" }

[landing]
folders = ["day-%d.%m.%Y"]
"""


def test_a_format_is_one_file_from_landing_to_a_verified_delivery(throng: Throng, client: Callable[..., Said]) -> None:
    native = throng("ingest", str(DAY)).document
    account = _rows_by_reason(throng)
    export_as_toy(throng.landing)
    (throng.landing / "formats.toml").write_text(TOY)

    said = throng("ingest", str(DAY))
    assert (said.code, said.document["outcome"]) == (0, "Ingested"), said.text
    assert (said.document["rows_in"], said.document["rows_kept"]) == (native["rows_in"], native["rows_kept"])
    assert _rows_by_reason(throng) == account
    assert client().code == 0
    for words in (["publish", "footfall", str(DAY)], ["deliver", "nordmarkt", "footfall", str(DAY)]):
        assert throng(*words).code == 0
    verified = throng("verify", str(_downloaded(throng.home.parent / "received")))
    assert (verified.code, verified.document["verdict"]) == (0, "consistent; key not pinned")


def export_as_toy(landing: Path) -> None:
    """Write a landing's day again: no header, bars, times in UTC to the second, ids with a scheme, other folders."""
    native = landing / "events" / f"date={DAY}"
    toy = landing / "events" / f"day-{DAY:%d.%m.%Y}"
    toy.mkdir()
    for file in sorted(native.glob("*.parquet")):
        rows = pq.read_table(file)
        table = pa.table(
            {
                "kind": rows["event_type"],
                "antenna": rows["cell_id"],
                "at": pc.strftime(rows["event_at"].cast(pa.timestamp("s", "UTC"), safe=False), "%d.%m.%Y %H:%M:%S"),
                "line": pc.binary_join_element_wise("tel:", rows["subscriber_id"], ""),
            }
        )
        how = pa_csv.WriteOptions(include_header=False, delimiter="|", quoting_style="none")
        pa_csv.write_csv(table, toy / f"{file.stem}.dump", how)
    (toy / "_COMPLETE").touch()
    for left in native.iterdir():
        left.unlink()
    native.rmdir()


def _downloaded(folder: Path) -> Path:
    """Everything in the client's bucket."""
    stores = open_stores()
    bucket = stores.buckets.open(client_spec(stores, "nordmarkt").destination)
    for key in bucket.sizes():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(bucket.get(key))
    return folder


def _rows_by_reason(throng: Throng) -> dict[str, int]:
    """The latest generation's account of the day."""
    *_, latest = throng("runs", "--day", str(DAY)).document["generations"]
    found: dict[str, int] = {}
    for line in latest["account"]:
        found[line["reason"]] = found.get(line["reason"], 0) + line["rows"]
    return found
