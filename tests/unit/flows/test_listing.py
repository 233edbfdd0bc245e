"""What is listed fits eighty columns, a log's lines are whole: what is too long for a column stands below its row."""

import io
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.cli import app, history, schedule
from flows.cli.output import listing, print_part
from flows.plan_view import group_alike
from tasks.plan.states import Plan, State, Target
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs, Verdict
from tasks.store.ledger import ReleaseKey, ReservationFacts

WIDTH = 80
RUN = "7d0c4b52-0000-4000-8000-000000000000"
PAGE = f"http://127.0.0.1:4200/v2/runs/flow-run/{RUN}"
LONG = (
    "The bucket denies access to whoever writes there, which is neither the client's wish nor ours, word by word. Ask."
)


@pytest.fixture
def stores(home: Path, monkeypatch: pytest.MonkeyPatch) -> Stores:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    return open_stores()


def _on_a_terminal(say: Sequence[Any]) -> list[str]:
    out = io.StringIO()
    console = Console(width=WIDTH, file=out, force_terminal=True, no_color=True, highlight=False, markup=False)
    for part in say:
        print_part(console, part)
    found = re.sub(r"\x1b\[\d*m", "", out.getvalue()).splitlines()
    assert max(map(len, found)) <= WIDTH, found
    return found


def _a_run(stores: Stores, verb: str, subject: str, outcome: str, message: str = "") -> None:
    with stores.catalog.run(verb, subject, RUN) as run:
        run.outcome, run.message, run.exit_code = outcome, message, 30 if message else 0


def test_a_run_is_one_line_and_below_it_why_and_its_unbroken_address(stores: Stores) -> None:
    _a_run(stores, "deliver", "nordmarkt footfall 2026-03-01", "RefusedDelivery", LONG)
    _a_run(stores, "ingest", "2026-03-01", "AlreadyIngested")
    _, heads, second, address, first, *why, last = _on_a_terminal(history.runs().say)
    assert heads.split() == ["began", "took", "outcome", "run"]
    assert second.endswith("AlreadyIngested  ingest 2026-03-01")
    assert first.endswith("RefusedDelivery  deliver nordmarkt footfall 2026-03-01")
    assert " ".join(line.strip() for line in why) == f"exit 30: {LONG}"
    assert address == last == f"  {PAGE}"


def test_a_log_has_each_address_and_message_on_one_line(stores: Stores) -> None:
    _a_run(stores, "deliver", "nordmarkt footfall 2026-03-01", "RefusedDelivery", LONG * 9)
    lines = CliRunner().invoke(app, ["runs"]).stdout.splitlines()
    assert lines[3:] == [f"  exit 30: {LONG * 9}", f"  {PAGE}"]
    assert not [line for line in lines if line != line.rstrip()]


def test_releases_charges_and_budget_have_numbers_that_say_something(stores: Stores) -> None:
    key = ReleaseKey("footfall", 3, "2026-03-01", 1)
    facts = ReservationFacts("9999926636280414/100000000000000000000", datetime(2026, 3, 2, tzinfo=UTC), "d", "p", {})
    stores.ledger.reserve(key, {"2026-03": 11718750000}, 10**12, facts, AuditEntry("me", "reserved", str(key)))
    assert _on_a_terminal(history.releases().say)[2].split() == ["footfall/v3/2026-03-01/r1", "0.0001", "reserved", "0"]
    months = _on_a_terminal(history.budget("2026-03").say)
    assert "0.01172" in months[2]


def test_a_gate_rule_s_words_are_not_cut(stores: Stores) -> None:
    day = date(2026, 3, 1)
    generation = stores.catalog.begin_day(day, DayInputs("landing", "zones", "cells", "policy"))
    rule = {"rule": "coverage_low", "severity": "critical", "status": "failed", "value": 0.25482679466861413}
    rows = {("events/date=2026-03-01/part-0001.csv.gz", "impossible_speed"): 1_234_567}
    verdict = Verdict(1_234_567, 7, rows, [{**rule, "limit": 0.5, "message": LONG, "action": "Send it."}], 1)
    stores.catalog.reject_day(day, generation, verdict, AuditEntry("me", "day rejected", str(day)))
    lines = _on_a_terminal(history.runs(str(day)).say)
    assert any(line.split() == ["coverage_low", "critical", "failed", "0.2548", "0.5"] for line in lines)
    assert f"{LONG} Send it." in " ".join(line.strip() for line in lines)
    assert any("1,234,567" in line and "impossible_speed" in line for line in lines)


def test_numbers_are_on_the_right_and_nothing_stands_for_none() -> None:
    said = _on_a_terminal(listing("days", [{"day": "2026-03-01", "rows": 1_234_567}, {"day": "[b]", "rows": None}]))
    assert said == ["days", "day              rows", "2026-03-01  1,234,567", "[b]"]


def _target(day: int, client: str | None = "nordmarkt", state: State = State.IMPOSSIBLE, **changed: Any) -> Target:
    period = f"2026-03-{day:02}"
    facts = {"why": f"No folder holds {period}.", "needs": (), "rho": 0.0, "rows": None, "seconds": None, **changed}
    return Target(
        "footfall", client, period, state, **facts, revision_rho=None, expected_by=None, late=False, flow_run_id=None
    )


def _plan(*targets: Target) -> Plan:
    return Plan(date(2026, 3, 1), date(2026, 3, 31), None, (), targets, ())


def test_periods_that_are_alike_are_one_line_of_a_plan() -> None:
    alike = [_target(day, client) for day in range(1, 5) for client in ("nordmarkt", "stadtlicht")]
    plan = _plan(*alike, _target(5, state=State.DONE), _target(6))
    assert [(group.periods, group.clients, group.first.state) for group in group_alike(plan.targets)] == [
        ("2026-03-01 to 2026-03-06 (5)", "nordmarkt, stadtlicht", "impossible"),
        ("2026-03-05", "nordmarkt", "done"),
    ]


def test_a_line_of_a_plan_adds_up_what_its_periods_cost() -> None:
    due: dict[str, Any] = {"why": "", "needs": ("publish", "deliver"), "rho": 0.0117, "rows": 600, "seconds": 2.0}
    clients = ("nordmarkt", "stadtlicht")
    targets = [_target(day, name, State.MISSING, **due) for day in (1, 2) for name in clients]
    said = _on_a_terminal(schedule.plan_lines("plan", [*targets, _target(3, state=State.BLOCKED)]))
    assert said[2].split()[:-3] == ["2026-03-01", "to", "2026-03-02", "(2)", "footfall"]
    assert said[3] == "  publish, deliver: rho 0.0234, 1,200 rows, 4 s"
    assert said[4].endswith("blocked by budget")
