"""The public tool for data contracts runs ours on delivered files, and finds what breaks it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.unit.deliverable.factories import PUBLISHER, grant_view, release_view, rendered, revision

ROOT = Path(__file__).parent.parent.parent
GRANT = replace(grant_view(), publisher=PUBLISHER)
DAY, NEXT = rendered(grant=GRANT), rendered(release_view(date(2026, 3, 3)), grant=GRANT)
REVISED = rendered(grant=GRANT, delivery=revision(DAY))
CONTRACT = f"{REVISED.path.documents}/contract.yaml"
ROWS = f"{REVISED.path.rows('zone_hour')}/footfall.parquet"


@dataclass(frozen=True)
class Client:
    """A product's folder as a client downloads it, and the tool that runs there."""

    folder: Path
    tool: "subprocess.Popen[str]"

    def __call__(self, *words: str) -> tuple[int, str]:
        """A command's exit code and output."""
        assert self.tool.stdin
        assert self.tool.stdout
        self.tool.stdin.write(json.dumps(words) + "\n")
        self.tool.stdin.flush()
        code, output = json.loads(self.tool.stdout.readline())
        return code, output

    def failed(self, *words: str) -> tuple[int, set[str]]:
        """The exit code of `test`, and the keys of the checks that did not hold."""
        report = self.folder.parent / "report.json"
        report.unlink(missing_ok=True)
        code, output = self("test", CONTRACT, "--output-format", "json", "--output", str(report), *words)
        assert report.exists(), output
        checks = json.loads(report.read_text())["checks"]
        assert len(checks) > 40, "the tool ran what the contract says"
        return code, {check["key"] for check in checks if check["result"] not in ("passed", "warning")}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two days, one of them revised; the tool is started once, as that costs as much as a command."""
    folder = tmp_path_factory.mktemp("client") / DAY.path.product_folder
    for delivery in (DAY, NEXT, REVISED):
        for name, content in delivery.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    uv = shutil.which("uv", path=f"{ROOT / '.uv' / 'bin'}:{os.environ['PATH']}")
    assert uv, "uv is not on the PATH"
    script = ROOT / ".ci" / "contract_tool.py"
    run = [uv, "run", "--quiet", "--locked", "--python", sys.executable, "--script", str(script)]
    with subprocess.Popen(run, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
        yield Client(folder, tool)


def test_the_contract_of_two_days_and_a_revision_holds(client: Client) -> None:
    assert client.failed() == (0, set())


def test_the_contract_is_well_formed_for_its_tool(client: Client) -> None:
    code, output = client("lint", CONTRACT)
    assert code == 0, output


def test_the_exported_tables_take_the_delivered_rows(client: Client) -> None:
    code, output = client("export", "sql", CONTRACT, "--dialect", "postgres", "--output", "t.sql")
    assert code == 0, output
    with duckdb.connect() as database:
        database.execute((client.folder / "t.sql").read_text())
        for name in DAY.tables:
            files = client.folder / "data" / name / "**" / "*.parquet"
            database.execute(f"INSERT INTO {name} BY NAME FROM read_parquet('{files}', hive_partitioning = true)")
            (rows,) = database.sql(f"SELECT count(*) FROM {name}").fetchall()[0]
            assert rows == sum(delivery.tables[name].num_rows for delivery in (DAY, NEXT, REVISED))


def with_column(change: Callable[[pa.Table], pa.ChunkedArray], name: str, rows: pa.Table) -> pa.Table:
    place = rows.column_names.index(name)
    return rows.set_column(place, rows.schema.field(place), change(rows))


def test_changed_values_fail_the_rule_that_they_break(client: Client) -> None:
    good = pq.read_table(client.folder / ROWS, partitioning=None)
    bad = with_column(lambda rows: pc.add(rows["persons_high"], 1), "persons_low", good)
    bad = with_column(lambda rows: pc.replace_substring(rows["status"], "incomplete", "unheard"), "status", bad)
    bad = with_column(lambda rows: pc.min_element_wise(rows["persons"], 95, skip_nulls=False), "persons", bad)
    bad = with_column(lambda rows: pc.if_else(pc.equal(rows["zone_id"], "Z01"), None, rows["se"]), "se", bad)
    bad = with_column(lambda rows: pc.replace_substring(rows["zone_id"], "Z02", "Z03"), "zone_id", bad)
    pq.write_table(bad, client.folder / ROWS)
    try:
        code, broken = client.failed("--schema-name", "zone_hour")
    finally:
        (client.folder / ROWS).write_bytes(REVISED.files[ROWS])
    assert code == 1
    rules = ("quality_sql_1", "quality_sql_3", "status__field_invalid_values", "se__quality_sql_0")
    keys = ("primary_key_unique", "model_duplicate_values")
    assert broken == {f"zone_hour__{check}" for check in (*rules, *keys)}
