"""Nothing personal outside: canaries go through the whole way, and no byte that anybody keeps knows them."""

import asyncio
import base64
import logging
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tasks.products import statuses
from tasks.products.registry import drawn, for_clients
from tasks.release_inputs import files_of
from tasks.services.client_file import client_file
from tests.promise.canary import NUMBER, TOKEN, forms_of_number, found, gzipped, holds
from tests.promise.canary_landing import BAD_DAY, GOOD_DAY, MEMBER, write_landing

DYING = """
import asyncio, os, signal, sys
from datetime import date
from tasks.store.day_store import StagedVersion
StagedVersion.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from flows.ingest import ingest
asyncio.run(ingest(date.fromisoformat(sys.argv[1])))
"""


class Recorder(logging.Handler):
    """Every record of every logger, in full, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def recorded() -> Iterator[Recorder]:
    """Prefect sets its loggers' levels anew at each run: by its settings."""
    from prefect.logging.configuration import setup_logging
    from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings

    recorder, loggers = Recorder(), [logging.getLogger(name) for name in (None, "prefect")]
    level = loggers[0].level
    with temporary_settings({PREFECT_LOGGING_LEVEL: "DEBUG"}):
        setup_logging()
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
            logger.addHandler(recorder)
        yield recorder
    for logger in loggers:
        logger.removeHandler(recorder)
    loggers[0].setLevel(level)
    setup_logging()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose landing is full of canaries."""
    write_landing(tmp_path / "landing")
    for name in ("LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT"):
        monkeypatch.delenv(f"THRONG_{name}", raising=False)
    monkeypatch.setenv("THRONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("THRONG_LANDING", str(tmp_path / "landing"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def bucket(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A client, and the folder in which a real S3 server keeps the client's objects."""
    from tasks.services.s3 import serve

    with serve(tmp_path / "s3", {"nordmarkt": "nordmarkt-insights"}) as server:
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        client, grants, footfall = client_file(
            "nordmarkt", "nordmarkt-insights", server.endpoint_url, GOOD_DAY.replace(day=1)
        ).partition("[[grants]]")
        every = "".join(grants + footfall.replace("footfall", name) for name in for_clients())
        (tmp_path / "client.toml").write_text(client + every)
        _says("client", "apply", str(tmp_path / "client.toml"))
        yield tmp_path / "s3"


def test_no_canary_leaves_the_landing_whatever_happens_on_the_way(
    home: Path,
    bucket: Path,
    prefect_stores: list[Path],
    recorded: Recorder,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found(tmp_path / "landing"), "the search must see the canaries where they belong"
    monkeypatch.setattr(statuses, "MOST_MISSING", 1.0)  # weeks and months of one day
    _killed(GOOD_DAY)
    assert not found(home / "scratch"), "what a killed run leaves"
    endings = [_unforeseen(monkeypatch), _flow("ingest", day=GOOD_DAY), _flow("ingest", day=BAD_DAY)]
    made = [("footfall", str(GOOD_DAY)), *_longer()]  # the backfill makes the day's other products
    for name, period in made:
        endings += [_flow("publish", product=name, period=period)]
        endings += [_flow("deliver", client="nordmarkt", product=name, period=period)]
    monkeypatch.setenv("PREFECT_API_URL", "the test server's")  # so that alerts become events there
    endings += [_flow("backfill", first=min(GOOD_DAY, BAD_DAY), last=max(GOOD_DAY, BAD_DAY))]
    sent = ["Published", "Delivered"] * len(made)
    assert endings == ["StepFailed", "Ingested", "RejectedInput", *sent, "SomeFailed"]
    assert all((home / name).exists() for name in ("metrics.prom", "status.html")), "the round has been made"
    said = [_says(*words) for words in (["runs"], ["runs", "--day", str(GOOD_DAY)], ["runs", "--day", str(BAD_DAY)])]
    said += [_says(*words) for words in (["releases"], ["deliveries"], ["budget", "--month", "2026-03"])]
    said += [_says("status")]
    monkeypatch.delenv("PREFECT_API_URL")
    said += [_says("doctor", code=10)]  # the newest day is the bad one
    _download(tmp_path / "received")
    captured = capfd.readouterr()
    words = "\n".join([*recorded.lines, *said, captured.out, captured.err]).encode()
    assert b"part-4.parquet" in words, "the file that cannot be read is named"
    assert not holds(words)
    kept = [home, bucket, tmp_path / "received", *prefect_stores]
    assert [place for root in kept for place in found(root)] == []
    pseudonyms = _pseudonyms()
    assert holds(_opened_rows(), pseudonyms), "the search must see a pseudonym where it belongs"
    outside = [home / "lake", *kept[1:]]  # the lake is sealed
    outside += [home / "catalog.db", home / "scratch", home / "logs"]
    assert [place for root in outside for place in found(root, pseudonyms)] == []
    assert not holds(words, pseudonyms)
    log = (home / "logs" / "throng.jsonl").read_text()
    assert [ending for ending in endings if f'"outcome": "{ending}"' not in log] == [], "the log has seen it all"
    assert "part-4.parquet" in log, "files are named, ids are not"


@pytest.mark.parametrize("offset", range(3))
def test_the_search_finds_a_canary_in_every_kind_of_place(tmp_path: Path, offset: int) -> None:
    text = "x" * offset + f"<{TOKEN}>"
    database = sqlite3.connect(tmp_path / "catalog.db")
    database.execute("CREATE TABLE t AS SELECT ? AS message", (text,))
    database.commit()
    database.close()
    table = pa.table({"id": pa.array([text] * 1000)})
    pq.write_table(table, tmp_path / "zstd.parquet", compression="zstd")
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"k": text}), tmp_path / "metadata.parquet")
    pq.write_table(pa.table({"n": pa.array([1, NUMBER])}), tmp_path / "number.parquet", compression="zstd")
    np.save(tmp_path / "number.npy", np.array([7, NUMBER]))
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(text.encode())
    places: dict[str, bytes] = {
        "server.log": f"ERROR {text}".encode(),
        "wide.log": text.encode("utf-16-le"),
        "hex": text.encode().hex().encode(),
        "HEX": text.encode().hex().upper().encode(),
        "result.json": base64.b64encode(pickle.dumps(ValueError(text))),
        "part.csv.gz": gzipped(text.encode()),
        "cut.csv.gz": gzipped(text.encode() + bytes(9_000))[:-8],
        "part.csv.zst": bytes(packed.getvalue()),
        "volume.dat": b"head" * 9 + gzipped(gzipped(text.encode())) + b"tail",
        "upper": text.upper().encode(),
    }
    for name, content in places.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / f"{TOKEN}.txt").touch()
    assert len(found(tmp_path)) == len(places) + 6
    assert not holds(b"canary, kanarie and others" + bytes(range(256)))


def test_the_recorder_and_the_terminal_would_show_a_canary(
    prefect_stores: list[Path], recorded: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    from prefect import flow

    from tasks.step import log_to_run, step

    @flow(persist_result=False)
    def telling(place: str) -> None:
        inside = step("tell")(lambda self: log_to_run(f"it was {TOKEN}"))
        inside(None) if place == "task" else log_to_run(f"it was {TOKEN}")

    for place in ("flow", "task"):
        recorded.lines.clear()
        telling(place)
        assert holds("\n".join(recorded.lines).encode()), place
    sys.stderr.write(TOKEN)
    assert holds(capfd.readouterr().err.encode())


def test_prefect_would_keep_a_canary_that_an_error_tells(prefect_stores: list[Path]) -> None:
    from prefect import flow

    marker = "plantedcanary"

    @flow(persist_result=False)
    def leaking() -> None:
        raise ValueError(f"about {marker}")

    leaking(return_state=True)
    files = [path for root in prefect_stores for path in root.rglob("*") if path.is_file()]
    assert any(holds(path.read_bytes(), (marker.encode(),)) for path in files)


def _killed(day: date) -> None:
    """A flow run in a process of its own that is killed while presence is written."""
    from prefect.settings import get_current_settings

    api = str(get_current_settings().api.url)
    environment = os.environ | {"PREFECT_API_URL": api, "PYTHONPATH": str(Path(__file__).parents[2])}
    died = subprocess.run([sys.executable, "-c", DYING, str(day)], env=environment, capture_output=True, check=False)
    assert died.returncode == -9, died.stderr.decode()
    assert not holds(died.stdout + died.stderr)


def _unforeseen(monkeypatch: pytest.MonkeyPatch) -> str:
    """A flow run in which a library quotes the value over which it stumbled, with causes that quote it too."""

    def stumbles(*_: object, **__: object) -> None:
        try:
            raise KeyError(MEMBER)
        except KeyError as error:
            raise ValueError(f"cannot convert {MEMBER}", {"row": MEMBER}) from error

    with monkeypatch.context() as patch:
        patch.setattr("tasks.ingest.read_panel", stumbles)
        return _flow("ingest", day=GOOD_DAY)


def _flow(verb: str, **words: Any) -> str:
    from importlib import import_module

    run: Callable[..., Any] = getattr(import_module(f"flows.{verb}"), verb)
    return str(asyncio.run(run(**words, return_state=True)).name)


def _says(*words: str, code: int = 0) -> str:
    from flows.cli import app

    ran = CliRunner().invoke(app, [*words, "--json"])
    assert ran.exit_code == code, ran.output
    return ran.output + ran.stderr


def _longer() -> list[tuple[str, str]]:
    """Products that clients get of the week and of the month, drawn from rows, and their periods."""
    parts = [part for part in drawn() if part.for_clients]
    return [(part.name, str(period)) for part in parts for period in part.periods(GOOD_DAY) if len(period.days) > 1]


def _download(folder: Path) -> None:
    from tasks.client_state import client_spec
    from tasks.store import open_stores

    stores = open_stores()
    bucket = stores.buckets.open(client_spec(stores, "nordmarkt").destination)
    keys = list(bucket.sizes())
    assert len(keys) >= 7, "index, manifest, signature, contract, readme, zones and data"
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(bucket.get(key))


def _opened_rows() -> bytes:
    """The pseudonyms of the good day, as they are once the lake's files are opened."""
    from tasks.store import open_stores

    stores = open_stores()
    files = [file for file in files_of(stores, {GOOD_DAY: 1}) if file.period]
    return b"".join(stores.lake.rows(file)["pseudonym"].to_numpy().tobytes() for file in files)


def _pseudonyms() -> tuple[bytes, ...]:
    """A panel member's pseudonyms of the day, the week and the month, in every form."""
    from tasks.period import Period
    from tasks.store import open_stores

    keys = open_stores().pseudonym_keys
    forms = []
    for period in (Period.day(GOOD_DAY), Period.week(GOOD_DAY), Period.month(GOOD_DAY)):
        digest = blake2b(MEMBER.encode(), key=keys.existing(period), digest_size=8).digest()
        forms += [*forms_of_number(int.from_bytes(digest, "big")), digest.hex().encode()]
    return tuple(forms)
