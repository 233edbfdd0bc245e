"""Bad input as a new user meets it: the right exit code, one clear message with the next action, nothing half written,

and the rerun right once it is mended.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tasks.services.s3 import S3Server
from tests.end_to_end.conftest import Said, Throng

pytestmark = pytest.mark.usefixtures("plain_gates")
DAY = "2026-03-03"
Spoil = Callable[[Path], None]


def _events(landing: Path) -> list[Path]:
    return sorted((landing / "events" / f"date={DAY}").glob("part-*"))


def _as_csv(landing: Path, write: Callable[[Path, bytes], object]) -> None:
    """Replace every Parquet file of events by one that `write` makes of its CSV bytes."""
    for file in _events(landing):
        target = file.with_suffix(".csv")
        pacsv.write_csv(pq.read_table(file), target)
        content = target.read_bytes()
        target.unlink()
        file.unlink()
        write(target, content)


def empty_landing(landing: Path) -> None:
    for file in _events(landing):
        file.unlink()


def every_parquet_truncated(landing: Path) -> None:
    for file in _events(landing):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def every_gzip_cut_in_half(landing: Path) -> None:
    def write(target: Path, content: bytes) -> None:
        packed = gzip.compress(content, 1)
        target.with_suffix(".csv.gz").write_bytes(packed[: len(packed) // 2])

    _as_csv(landing, write)


def wrong_delimiter(landing: Path) -> None:
    _as_csv(landing, lambda target, content: target.write_bytes(content.replace(b",", b";")))


def unknown_columns(landing: Path) -> None:
    for file in _events(landing):
        table = pq.read_table(file)
        pq.write_table(table.rename_columns([f"x_{name}" for name in table.column_names]), file)


def no_consents(landing: Path) -> None:
    (landing / "consents.parquet").unlink()


def cells_outside_every_zone(landing: Path) -> None:
    cells = pq.read_table(landing / "cells.parquet")
    names = [{"latitude": "longitude", "longitude": "latitude"}.get(name, name) for name in cells.column_names]
    pq.write_table(cells.rename_columns(names), landing / "cells.parquet")


def overlapping_zones(landing: Path) -> None:
    plan = json.loads((landing / "zones.geojson").read_text())
    plan["features"][1]["geometry"] = plan["features"][0]["geometry"]
    (landing / "zones.geojson").write_text(json.dumps(plan))


REJECTED: dict[Spoil, str] = {
    empty_landing: "date=2026-03-03",
    every_parquet_truncated: "part-00.parquet",
    every_gzip_cut_in_half: "part-00.csv.gz",
    wrong_delimiter: "is separated by",
    unknown_columns: "columns has a known name",
    no_consents: "consents",
    cells_outside_every_zone: "latitude",
    overlapping_zones: "overlap",
}


@pytest.mark.parametrize("spoil", REJECTED, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_used_is_rejected_by_name_and_mended_by_sending_it_again(
    throng: Throng, city: Path, spoil: Spoil
) -> None:
    spoil(throng.landing)
    said = throng("ingest", DAY)
    assert said.code == 10, said.text
    assert REJECTED[spoil].lower() in said.text.lower()
    assert said.document["action"]
    assert not [name for name in throng.lake_files() if name.startswith(("presence", "month_state"))]
    subprocess.run(["rm", "-r", str(throng.landing)], check=True)
    subprocess.run(["cp", "-rp", str(city), str(throng.landing)], check=True)
    assert throng("ingest", DAY).document["outcome"] == "Ingested"


def test_one_unreadable_file_of_few_stops_the_day_by_name_and_an_override_uses_the_others(throng: Throng) -> None:
    spoilt = _events(throng.landing)[1]
    spoilt.write_bytes(spoilt.read_bytes()[:-1000])
    said = throng("ingest", DAY)
    assert said.code == 10, said.text
    assert "part-01.parquet" in said.text
    said = throng("ingest", DAY, "--override", "rejected_files", "--reason", "there is no other copy")
    assert said.code == 0, said.text
    assert said.document["rows_kept"] > 0
    assert "part-01.parquet" in said.text, "a day that lacks a file is never taken in without a word"
    assert "part-01.parquet" in throng("runs", "--day", DAY).text


def test_a_month_drawn_without_some_days_says_which_and_is_not_offered_to_clients(throng: Throng) -> None:
    assert throng("ingest", DAY).code == 0
    said = throng("publish", "panel", "2026-03")
    assert (said.code, len(said.document["missing_days"])) == (0, 30), said.text
    text = throng.text("publish", "panel", "2026-03")
    assert "drawn without 30 day(s): 2026-03-01, 2026-03-02, 2026-03-04, 2026-03-05, 2026-03-06 and 25 more" in text
    assert "deliver" not in text


def test_a_byte_order_mark_is_no_fault(throng: Throng) -> None:
    before = throng("ingest", DAY).document
    _as_csv(throng.landing, lambda target, content: target.write_bytes(b"\xef\xbb\xbf" + content))
    after = throng("ingest", DAY).document
    assert (after["outcome"], after["generation"]) == ("Ingested", 2)
    assert after["rows_kept"] == before["rows_kept"]


def test_a_policy_over_its_own_cap_does_not_start(throng: Throng, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.few_products import policy_of_two

    policy = throng.home.parent / "policy.toml"
    policy.write_text(policy_of_two().replace("cap = 1.0", "cap = 0.1"))
    monkeypatch.setenv("THRONG_POLICY", str(policy))
    said = throng("ingest", DAY)
    assert said.code == 2
    assert "over the cap 0.1" in said.text


def test_a_missing_bucket_and_a_denied_one_are_the_clients_to_mend(
    throng: Throng, client: Callable[..., Said], s3: S3Server
) -> None:
    for words in (["ingest", DAY], ["publish", "footfall", DAY]):
        assert throng(*words).code == 0
    for wrong in ("no-such-bucket", "other-bucket"):
        assert client("nordmarkt-insights", wrong).code == 0
        said = throng("deliver", "nordmarkt", "footfall", DAY)
        assert said.code == 30, said.text
        assert wrong in said.text
        assert said.document["action"]
    client()
    assert throng("deliver", "nordmarkt", "footfall", DAY).document["outcome"] == "Delivered"


def test_a_full_scratch_disk_is_said_so_and_the_rerun_is_right(throng: Throng) -> None:
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        f"sys.argv = ['throng', 'ingest', '{DAY}', '--json'];"
        "from flows.cli import main; main()"
    )
    for file in _events(throng.landing):
        for copy in range(12):
            shutil.copy2(file, file.with_name(f"part-{copy}-{file.name}"))
    throng("releases")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert ran.returncode == 40, ran.stderr
    assert "full" in ran.stderr
    assert not [name for name in throng.lake_files() if name.startswith("presence")]
    assert throng("ingest", DAY).document["outcome"] == "Ingested"
