"""The runbook has a line for each error, exit code, alert, plan state and end of a run."""

import inspect
import re
from pathlib import Path

from flows import executor, reconcile, status_text
from flows.alerting import dispatcher
from flows.serving import api, terminal_states
from tasks import errors, policy_file
from tasks.alerts import AlertKind
from tasks.errors import ThrongError
from tasks.events import gate
from tasks.plan.states import State
from tasks.refs import Outcome
from tests.error_codes import SEE

RUNBOOK = (Path(__file__).parents[2] / "docs" / "how-to" / "runbook.md").read_text()


def _errors(kind: type[ThrongError]) -> list[type[ThrongError]]:
    return [found for below in kind.__subclasses__() for found in (below, *_errors(below))]


def _section(title: str) -> str:
    return RUNBOOK.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_each_error_and_exit_code_has_its_line() -> None:
    lines = re.findall(r"^\| (\d+) \| (.*?) \|", _section("Errors and exit codes"), re.MULTILINE)
    told = {(int(code), name) for code, names in lines for name in re.findall(r"`(\w+)`", names)}
    assert {(kind.exit_code, kind.__name__) for kind in _errors(ThrongError)} <= told
    assert {errors.SOME_FAILED, errors.INTERRUPTED} <= {code for code, _ in told}


def test_each_alert_has_its_line() -> None:
    kinds = {*AlertKind, *dispatcher.KNOWN_KINDS}
    assert [kind for kind in sorted(kinds) if f"| `{kind}` |" not in _section("Alerts")] == []
    assert [kind for kind in status_text.TITLES if kind not in _section("Alerts")] == []


def test_each_state_of_a_plan_has_its_line() -> None:
    assert [state for state in State if f"| `{state}` |" not in _section("States of a plan")] == []


def test_each_end_of_a_run_has_its_line() -> None:
    verdicts = re.findall(r'return "([A-Z]\w+)", ', inspect.getsource(reconcile.verdict))
    settled = [how.name for how in vars(terminal_states).values() if isinstance(how, api.RunState)]
    faults = [kind.__name__ for kind in _errors(ThrongError) if kind.exit_code not in (20, 30)]
    assert len(verdicts) > 5
    assert {"Crashed", "Interrupted"} <= set(settled)
    known = {*Outcome, *verdicts, *settled, *faults, executor.SKIPPED, executor.STOPPED}
    heads = re.findall(r"^\| (.+?) \|", _section("How a run ended"), re.MULTILINE)
    told = {name for head in heads for name in re.findall(r"`(\w+)`", head)}
    assert known - told == set()


def test_each_rule_of_the_gate_has_its_row_with_its_code() -> None:
    section = RUNBOOK.partition("\n### Gate\n")[2].partition("\n### ")[0]
    rows = dict(re.findall(r"^\| `(\w+)`.*? \| (.*?) \|", section, re.MULTILINE))
    shown = {name: re.findall(r"`([\w.]+)`", code)[0] for name, code in rows.items()}
    codes = {"critical": "gate.stopped", "warning": AlertKind.GATE_WARNING.value}
    rules = dict(policy_file.load().policy.gate.rules)
    versions = dict.fromkeys((gate.REGISTER_SHRUNK, gate.REGISTER_WENT_BACK), "registers.replaced")
    assert shown == {name: codes[rule.severity] for name, rule in rules.items()} | versions


def test_the_area_of_each_code_that_an_entry_shows_links_to_the_entry() -> None:
    entries = re.findall(r"^### (.+)\n\*Shows\*: (.*)$", RUNBOOK, re.MULTILINE)
    assert len(entries) > 20
    for title, shows in entries:
        codes = re.findall(r"`([a-z]+)\.[a-z]\w+`", shows)
        areas = [area for listed in re.findall(r"areas? (.*)", shows) for area in re.findall(r"`([a-z]+)`", listed)]
        entry = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        assert [area for area in {*codes, *areas} if entry not in SEE.get(area, ())] == [], title


def test_every_link_leads_to_a_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)$", RUNBOOK, re.M)
    }
    assert [link for link in re.findall(r"\]\(#([^)]+)\)", RUNBOOK) if link not in headings] == []
