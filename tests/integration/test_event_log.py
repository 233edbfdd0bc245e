"""What is logged is what was committed: every change of state, each run, each landing file, and no free text."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import RefusedRelease
from tasks.store.audit import AuditEntry, AuditLog
from tasks.store.catalog import Catalog, DayInputs, Verdict
from tasks.store.database import Database
from tasks.store.event_log import EventLog, bind_lineage
from tasks.store.lake import DeliveryKey
from tasks.store.ledger import Ledger, ReleaseKey, ReservationFacts
from tasks.store.migrations import prepare
from tasks.store.tables import Delivery, DeliveryState

DAY = date(2026, 3, 1)
INPUTS = DayInputs("landing", "zones", "cells", "policy")
VERDICT = Verdict(10, 7, {}, [], 1)
KEY = ReleaseKey("footfall", 3, "2026-03-01", 1)
PANEL = ReleaseKey("panel", 1, "2026-03", 1)
CANARY = "kanarie"


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url, journal=EventLog(tmp_path / "logs"))
    prepare(database)
    yield database
    database.engine.dispose()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "throng.jsonl"


def told(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def entry(event: str, **facts: str | int) -> AuditEntry:
    return AuditEntry("tester", event, "a subject", f"why: {CANARY}", facts)


def reserve(ledger: Ledger, key: ReleaseKey, generations: dict[str, int]) -> None:
    facts = ReservationFacts("1/2", datetime(2026, 3, 2, tzinfo=UTC), "d", "z", generations, reason=CANARY)
    ledger.reserve(key, {"2026-03": 10}, 100, facts, entry("release reserved", rho="1/2"))


def test_a_change_is_logged_with_its_facts_and_without_its_free_text(database: Database, log: Path) -> None:
    Catalog(database).begin_day(DAY, INPUTS)
    Catalog(database).accept_day(DAY, 1, VERDICT, entry("day ingested", rows_in=10))
    (line,) = told(log)
    (row,) = AuditLog(database).entries()
    assert line == {
        "at": line["at"],
        "event": "day ingested",
        "subject": "a subject",
        "lineage": "2026-03-01/g1",
        "actor": "tester",
        "rows_in": 10,
        "pid": line["pid"],
    }
    assert row.detail == f"why: {CANARY}"
    assert abs((datetime.fromisoformat(line["at"]) - row.at).total_seconds()) < 1
    assert CANARY not in log.read_text()


def test_what_is_not_committed_is_not_logged(database: Database, log: Path) -> None:
    with pytest.raises(RefusedRelease):
        Ledger(database).publish(KEY, entry("release published"))
    with pytest.raises(RefusedRelease):
        reserve_over_the_cap(Ledger(database))
    assert not log.exists()


def reserve_over_the_cap(ledger: Ledger) -> None:
    facts = ReservationFacts("1/2", datetime(2026, 3, 2, tzinfo=UTC), "d", "z", {})
    ledger.reserve(KEY, {"2026-03": 101}, 100, facts, entry("release reserved"))


def test_a_reason_of_its_own_is_logged_as_given_and_never_in_its_words(database: Database, log: Path) -> None:
    AuditLog(database).write(entry("publish asked for with a reason"))
    reserve(Ledger(database), KEY, {"2026-03-01": 1})
    assert [line["event"] for line in told(log)] == ["publish asked for with a reason", "release reserved"]
    assert CANARY not in log.read_text()


def test_all_that_is_made_of_a_day_has_one_lineage_and_a_month_has_its_own(database: Database, log: Path) -> None:
    catalog, ledger = Catalog(database), Ledger(database)
    catalog.begin_day(DAY, INPUTS, {"events/date=2026-03-01/a.csv": (5, 1), "events/date=2026-03-01/b.csv": (6, 2)})
    catalog.accept_day(DAY, 1, VERDICT, entry("day ingested"))
    reserve(ledger, KEY, {"2026-03-01": 1})
    ledger.intend_draw(KEY, entry("draw intended"))
    delivery = DeliveryKey("nordmarkt", "footfall", 3, "2026-03-01", 1)
    catalog.record_rendered(rendered(delivery), entry("delivery rendered"))
    catalog.mark_refused(delivery, CANARY, entry("delivery refused"))
    catalog.mark_delivered(delivery, datetime.now(UTC), entry("delivered"))
    reserve(ledger, PANEL, {"2026-03-01": 1, "2026-03-02": 1})
    *of_day, of_month = told(log)
    files = [(line["subject"], line["bytes"]) for line in of_day if line["event"] == "landing file taken up"]
    assert files == [("events/date=2026-03-01/a.csv", 5), ("events/date=2026-03-01/b.csv", 6)]
    assert len(of_day) == 8
    assert {line["lineage"] for line in of_day} == {"2026-03-01/g1"}
    assert of_month["lineage"] == "2026-03"
    assert CANARY not in log.read_text()


def rendered(key: DeliveryKey) -> Delivery:
    return Delivery(
        **vars(key),
        release_revision=1,
        inputs_digest="inputs",
        state=DeliveryState.RENDERED,
        manifest_sha256="abc",
        path="footfall/v3",
        rows=100,
        withheld=3,
    )


def test_a_run_s_lines_carry_its_number_from_start_to_end(database: Database, log: Path) -> None:
    catalog = Catalog(database)
    with catalog.run("ingest", "2026-03-01", "7d0c") as run:
        catalog.accept_day(DAY, catalog.begin_day(DAY, INPUTS), VERDICT, entry("day ingested"))
        run.outcome = "Ingested"
    catalog.apply_client("nordmarkt", {}, "1", entry("client applied"))
    began, changed, ended, outside = told(log)
    for line in (began, changed, ended):
        assert (line["verb"], line["run"], line["flow_run_id"]) == ("ingest", run.id, "7d0c")
    assert (began["event"], began["subject"], began.get("lineage")) == ("run started", "2026-03-01", None)
    assert (ended["event"], ended["outcome"], ended["exit_code"]) == ("run ended", "Ingested", 0)
    assert {"seconds", "cpu_seconds", "bytes_read", "bytes_written", "s3_requests"} <= ended.keys()
    assert ended["lineage"] == changed["lineage"] == "2026-03-01/g1"
    assert "run" not in outside


def test_a_run_that_fails_is_logged_without_the_words_of_its_error(database: Database, log: Path) -> None:
    with pytest.raises(ValueError), Catalog(database).run("deliver", "nordmarkt footfall 2026-03-01"):
        _find_and_fail()
    _, ended = told(log)
    assert (ended["outcome"], ended["exit_code"], ended["lineage"]) == ("ValueError", 50, "2026-03-01/g3")
    assert CANARY not in log.read_text()


def _find_and_fail() -> None:
    bind_lineage("2026-03-01/g3")
    raise ValueError(CANARY)


def test_a_log_on_a_disk_that_is_gone_stops_no_change(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    database = Database(database_url, journal=EventLog(tmp_path / "logs"))
    prepare(database)
    AuditLog(database).write(entry("asked"))
    assert len(AuditLog(database).entries()) == 1
    database.engine.dispose()
