import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from tasks.errors import INTERRUPTED, Misconfigured, StepFailed, StorageUnavailable
from tasks.period import Period
from tasks.store import usage
from tasks.store.audit import AuditEntry, AuditLog, this_user
from tasks.store.catalog import DAY_TRANSITIONS, DELIVERY_TRANSITIONS, Catalog, DayInputs, Verdict
from tasks.store.database import Database
from tasks.store.lake import DeliveryKey, LakeFile
from tasks.store.tables import DayGeneration, DayState, Delivery, DeliveryState

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
ONE, TWO = DayInputs("landing", "zones", "cells", "policy"), DayInputs("other landing", "zones", "cells", "policy")
GATE = {"rule": "rows_low", "severity": "critical", "status": "passed", "value": 0.9, "limit": 0.5}
VERDICT = Verdict(
    rows_in=10,
    rows_kept=7,
    rows={("a.csv", "kept"): 7, ("a.csv", "bad_time"): 2, ("b.csv", "no_consent"): 1},
    gate=[GATE | {"message": "Enough rows.", "action": ""}],
    profile_revision=1,
)
KEY = DeliveryKey("nordmarkt", "footfall", 3, "2026-03-01", 1)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def catalog(database: Database) -> Catalog:
    return Catalog(database)


def audit(event: str = "day accepted") -> AuditEntry:
    return AuditEntry.by_user(event, str(DAY))


def rendered(revision: int = 1) -> Delivery:
    return Delivery(
        **(vars(KEY) | {"revision": revision}),
        release_revision=1,
        inputs_digest="inputs",
        state=DeliveryState.RENDERED,
        manifest_sha256="abc",
        path="throng/footfall/v3",
        rows=100,
        withheld=3,
    )


def test_a_day_counts_from_its_acceptance_with_account_and_gate(catalog: Catalog) -> None:
    generation = catalog.begin_day(DAY, ONE)
    assert catalog.current(DAY) is None
    catalog.accept_day(DAY, generation, VERDICT, audit())
    day = catalog.current(DAY)
    assert day is not None
    assert (day.generation, day.rows_in, day.rows_kept, day.profile_revision, day.landing_digest) == (
        1,
        10,
        7,
        1,
        "landing",
    )
    assert day.ingested_at is not None
    assert day.ingested_at.tzinfo is not None
    rows = {(line.file, line.reason): line.rows for line in catalog.account(DAY, 1)}
    assert rows == VERDICT.rows
    assert [(line.rule, line.value, line.message) for line in catalog.gate(DAY, 1)] == [
        ("rows_low", 0.9, "Enough rows.")
    ]


def test_an_attempt_that_died_is_begun_again_under_its_own_number(catalog: Catalog) -> None:
    assert catalog.begin_day(DAY, ONE) == catalog.begin_day(DAY, TWO) == 1
    catalog.accept_day(DAY, 1, VERDICT, audit())
    day = catalog.current(DAY)
    assert day is not None
    assert day.landing_digest == TWO.landing_digest


def test_a_generation_keeps_the_files_it_was_made_from_and_a_new_attempt_replaces_them(catalog: Catalog) -> None:
    assert catalog.begin_day(DAY, ONE, {"a.csv": (10, 1), "b.csv": (20, 2)}) == 1
    assert catalog.begin_day(DAY, TWO, late := {"b.csv": (20, 2), "c.csv": (2**40, 1_772_323_200_000_000_001)}) == 1
    assert catalog.listings(DAY, NEXT) == {(DAY, 1): late}


def test_listings_are_those_of_what_counts_and_of_what_was_tried_last(catalog: Catalog) -> None:
    accept, reject = catalog.accept_day, catalog.reject_day
    for number, close in enumerate((accept, reject, accept, reject, reject), 1):
        close(DAY, catalog.begin_day(DAY, ONE, {f"{number}.csv": (number, 0)}), VERDICT, audit())
    accept(NEXT, catalog.begin_day(NEXT, ONE, {"a.csv": (1, 0), "b.csv": (2, 0)}), VERDICT, audit())
    catalog.begin_day(NEXT, TWO, {"staged.csv": (1, 0)})
    of_day = {(DAY, 3): {"3.csv": (3, 0)}, (DAY, 5): {"5.csv": (5, 0)}}
    assert catalog.listings(DAY, DAY) == of_day
    of_next = {(NEXT, 1): {"a.csv": (1, 0), "b.csv": (2, 0)}, (NEXT, 2): {"staged.csv": (1, 0)}}
    assert catalog.listings(DAY, NEXT) == of_day | of_next


def test_a_new_generation_supersedes_the_one_before(catalog: Catalog) -> None:
    for inputs in (ONE, TWO):
        catalog.accept_day(DAY, catalog.begin_day(DAY, inputs), VERDICT, audit())
    assert [row.state for row in catalog.generations(DAY)] == [DayState.SUPERSEDED, DayState.CURRENT]
    assert [row.generation for row in catalog.days(DAY, NEXT)] == [2]


def test_a_rejected_day_keeps_its_account_and_what_counted_before(catalog: Catalog) -> None:
    catalog.accept_day(DAY, catalog.begin_day(DAY, ONE), VERDICT, audit())
    catalog.reject_day(DAY, catalog.begin_day(DAY, TWO), VERDICT, audit("day rejected"))
    current = catalog.current(DAY)
    assert current is not None
    assert current.generation == 1
    assert len(catalog.account(DAY, 2)) == 3
    assert catalog.begin_day(DAY, ONE) == 3


def test_days_are_listed_in_order(catalog: Catalog) -> None:
    for day in (NEXT, DAY):
        catalog.accept_day(day, catalog.begin_day(day, ONE), VERDICT, audit())
    assert [row.day for row in catalog.days(DAY, NEXT)] == [DAY, NEXT]
    assert [row.day for row in catalog.days(NEXT, NEXT)] == [NEXT]
    assert [row.day for row in catalog.generations()] == [DAY, NEXT]


@pytest.mark.parametrize(("state", "to"), list(product(DayState, (DayState.CURRENT, DayState.REJECTED))))
def test_a_day_moves_as_the_table_of_transitions_says(
    catalog: Catalog, database: Database, state: DayState, to: DayState
) -> None:
    catalog.begin_day(DAY, ONE)
    with database.writing() as session:
        session.get_one(DayGeneration, (DAY, 1)).state = state
    act = {DayState.CURRENT: catalog.accept_day, DayState.REJECTED: catalog.reject_day}[to]
    if to in DAY_TRANSITIONS[state]:
        act(DAY, 1, VERDICT, audit())
        assert [row.state for row in catalog.generations(DAY)] == [to]
    else:
        with pytest.raises(StepFailed, match="without its lock"):
            act(DAY, 1, VERDICT, audit())
        assert catalog.account(DAY, 1) == []


def test_a_client_is_applied_once_and_changed_when_its_file_changes(catalog: Catalog, database: Database) -> None:
    assert catalog.apply_client("nordmarkt", {"zones": ["*"]}, "1", audit("client applied"))
    assert not catalog.apply_client("nordmarkt", {"zones": ["*"]}, "1", audit("client applied"))
    assert catalog.apply_client("nordmarkt", {"zones": ["Z1"]}, "2", audit("client applied"))
    client = catalog.client("nordmarkt")
    assert client is not None
    assert client.spec == {"zones": ["Z1"]}
    assert [row.name for row in catalog.clients()] == ["nordmarkt"]
    assert catalog.client("unknown") is None
    assert len(AuditLog(database).entries()) == 2


def test_a_delivery_is_rendered_refused_and_delivered(catalog: Catalog) -> None:
    catalog.record_rendered(rendered(), audit("delivery rendered"))
    catalog.mark_refused(KEY, "The bucket is missing.", audit("delivery refused"))
    refused = catalog.delivery("nordmarkt", "footfall", 3, "2026-03-01")
    assert refused is not None
    assert (refused.state, refused.message) == (DeliveryState.REFUSED, "The bucket is missing.")
    catalog.mark_delivered(KEY, NOW, audit("delivered"))
    delivery = catalog.delivery("nordmarkt", "footfall", 3, "2026-03-01")
    assert delivery is not None
    assert (delivery.state, delivery.delivered_at, delivery.message) == (DeliveryState.DELIVERED, NOW, "")


def test_the_latest_delivery_of_a_period_is_found(catalog: Catalog) -> None:
    for revision in (1, 2):
        catalog.record_rendered(rendered(revision), audit())
    found = catalog.delivery("nordmarkt", "footfall", 3, "2026-03-01")
    assert found is not None
    assert found.revision == 2
    assert [row.revision for row in catalog.deliveries("nordmarkt")] == [1, 2]
    assert len(catalog.deliveries()) == 2
    assert catalog.deliveries("other") == []


def test_what_was_never_rendered_is_not_delivered(catalog: Catalog) -> None:
    with pytest.raises(StepFailed):
        catalog.mark_delivered(KEY, NOW, audit())


def test_a_delivery_can_always_be_sent_again_but_never_rendered_again() -> None:
    for states in DELIVERY_TRANSITIONS.values():
        assert states == {DeliveryState.DELIVERED, DeliveryState.REFUSED}


def test_a_run_is_recorded_from_its_start(catalog: Catalog) -> None:
    with catalog.run("ingest", "2026-03-01", flow_run_id="f") as run:
        assert [(row.verb, row.ended) for row in catalog.runs()] == [("ingest", None)]
        run.outcome = "Ingested"
    (done,) = catalog.runs()
    assert (done.outcome, done.exit_code, done.flow_run_id, done.message) == ("Ingested", 0, "f", "")
    assert done.ended is not None
    assert done.ended >= done.started


def test_a_run_that_fails_keeps_our_words_and_only_the_type_of_other_errors(catalog: Catalog) -> None:
    with pytest.raises(Misconfigured), catalog.run("ingest", "1"):
        raise Misconfigured("The policy is wrong.", "Mend it.")
    with pytest.raises(ValueError), catalog.run("ingest", "2"):
        raise ValueError("subscriber 0049170")
    other, ours = catalog.runs()
    assert (ours.outcome, ours.exit_code, ours.message) == ("Misconfigured", 2, "The policy is wrong. Mend it.")
    assert (other.outcome, other.exit_code, other.message) == ("ValueError", 50, "")
    assert [run.subject for run in catalog.runs(limit=1)] == ["2"]


def test_a_run_that_is_stopped_ends_as_its_command_does(catalog: Catalog) -> None:
    with pytest.raises(KeyboardInterrupt), catalog.run("ingest", "1"):
        raise KeyboardInterrupt
    (run,) = catalog.runs()
    assert (run.outcome, run.exit_code, run.message) == ("Stopped", INTERRUPTED, "")
    assert run.ended is not None


def test_what_a_dead_process_left_open_is_ended_in_its_pages_words_and_is_no_failure(catalog: Catalog) -> None:
    with catalog.run("backfill", "done", flow_run_id="dead") as run:
        run.outcome = "Reconciled"
    with suppress(KeyboardInterrupt), catalog.run("backfill", "killed", flow_run_id="dead"):
        with catalog.run("backfill", "goes on", flow_run_id="alive"):
            catalog.end_runs({"dead": ("Crashed", "Its process was killed."), "unknown": ("Crashed", "")})
            goes_on, killed, done = catalog.runs()
        raise KeyboardInterrupt
    assert (killed.outcome, killed.exit_code, killed.message) == ("Crashed", INTERRUPTED, "Its process was killed.")
    assert killed.ended is not None
    assert (goes_on.ended, done.outcome) == (None, "Reconciled")


def test_a_run_that_was_taken_for_dead_says_itself_how_it_ended(catalog: Catalog) -> None:
    with catalog.run("ingest", "2026-03-01", flow_run_id="given up") as run:
        catalog.end_runs({"given up": ("Crashed", "It was cut off.")})
        run.outcome = "Ingested"
    (run,) = catalog.runs()
    assert (run.outcome, run.exit_code, run.message) == ("Ingested", 0, "")


def test_a_run_says_what_it_cost_however_it_ended_and_each_run_its_own(catalog: Catalog) -> None:
    with catalog.run("ingest", "1"):
        usage.count(read=10)
        usage.count(written=20)
        usage.count(written=1)
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
    with pytest.raises(Misconfigured), catalog.run("deliver", "2"):
        _ask_in_vain()
    usage.count(read=1_000_000)
    second, first = catalog.runs()
    assert (first.bytes_read, first.bytes_written, first.s3_requests) == (10, 21, 0)
    assert (second.bytes_read, second.bytes_written, second.s3_requests) == (0, 0, 1)
    assert first.cpu_seconds is not None
    assert 0.02 <= first.cpu_seconds < 10


def _ask_in_vain() -> None:
    usage.count_request()
    raise Misconfigured("The policy is wrong.", "Mend it.")


def test_runs_at_once_in_threads_count_apart(catalog: Catalog) -> None:
    together = threading.Barrier(2)

    def act(count: int) -> None:
        with catalog.run("ingest", str(count)):
            together.wait()
            usage.count(read=count)
            together.wait()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(act, (1, 2)))
    assert {run.subject: run.bytes_read for run in catalog.runs()} == {"1": 1, "2": 2}


def test_an_audit_entry_of_its_own_is_found_by_its_id(database: Database) -> None:
    log = AuditLog(database)
    number = log.write(AuditEntry.by_user("gate override", "2026-03-01", "rows_low: a holiday"))
    entry = log.entry(number)
    assert entry is not None
    assert (entry.actor, entry.detail) == (this_user(), "rows_low: a holiday")
    assert log.entry(number + 1) is None
    assert log.entries("other") == []


def test_a_days_files_are_listed_with_it_and_change_only_with_an_audit_entry(
    catalog: Catalog, database: Database
) -> None:
    of_day = [LakeFile(f"presence/date={DAY}/generation=1/bucket=0{n}/part-1.sealed", 100 + n) for n in (1, 2)]
    of_month = LakeFile(f"month_state/period=2026-03/date={DAY}/generation=1/bucket=01/part-1.sealed", 2**40)
    catalog.begin_day(DAY, ONE)
    with pytest.raises(StorageUnavailable, match="--again"):
        catalog.lake_files({DAY: 1})
    catalog.accept_day(DAY, 1, replace(VERDICT, files=(*of_day, of_month)), audit())
    assert catalog.lake_files({DAY: 1}) == sorted([*of_day, of_month])
    assert catalog.files_of(Period.day(DAY), DAY) == of_day
    assert catalog.files_of(Period.month(DAY), DAY) == [of_month]
    after = LakeFile(of_day[1].next_path, 7)
    catalog.replace_files({of_day[0]: None, of_day[1]: after}, audit("withdrawn rows removed"))
    assert catalog.files_of(Period.day(DAY), DAY) == [after]
    catalog.accept_day(DAY, catalog.begin_day(DAY, TWO), VERDICT, audit())
    assert catalog.superseded() == catalog.superseded(DAY) == [(DAY, 1)]
    catalog.forget_files(DAY, 1, audit("version removed"))
    assert catalog.superseded() == []
    events = [entry.event for entry in AuditLog(database).entries()]
    assert {"withdrawn rows removed", "version removed"} <= set(events)


def test_a_period_expires_before_anything_of_it_goes_and_ends_when_all_is_gone(catalog: Catalog) -> None:
    file = LakeFile(f"presence/date={DAY}/generation=1/bucket=01/part-1.sealed", 9)
    catalog.begin_day(DAY, ONE)
    catalog.accept_day(DAY, 1, replace(VERDICT, files=(file,)), audit())
    catalog.expire_period(Period.day(DAY), audit("period expired"))
    assert catalog.expired_periods() == {str(DAY): False}
    catalog.end_expiry(Period.day(DAY), [file], audit("period destroyed"))
    assert (catalog.expired_periods(), catalog.files_of(Period.day(DAY), DAY)) == ({str(DAY): True}, [])
