"""A slip of the pen is answered before a run is made of it: nothing fails that somebody would have to close."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app, runner
from tasks.services.client_file import client_file
from tasks.store import open_stores

DAY = "2026-03-01"
SLIPS = {
    "publish footfal 2026-03-01": "Did you mean 'footfall'?",
    "publish footfall 2026-02-30": "is not in the calendar",
    "publish footfall 2026-03": "footfall is made by the day",
    f"publish footfall {DAY} --revision-of footfall/r1 --reason why": "is not a release",
    f"publish footfall {DAY} --revision-of footfall/v3/2026-03-02/r1 --reason why": "Name a release of that period.",
    f"deliver nordmark footfall {DAY}": "Did you mean 'nordmarkt'?",
    "deliver nordmarkt panel 2026-03": "panel is not for clients",
    "deliver nordmarkt footfall yesterday": "is not a period",
    "ingest 2026-13-01": "Write a day, as 2026-03-01.",
    "ingest 2026-W10": "Write a day, as 2026-03-01.",
    f"ingest {DAY} --override rows_lo --reason why": "Did you mean 'rows_low'?",
    "daily tomorrow": "Write a day, as 2026-03-01.",
    f"backfill {DAY} 2026-02-01": "The range ends before it begins",
    f"backfill {DAY} {DAY} --product footfal": "Did you mean 'footfall'?",
    f"backfill {DAY} {DAY} --client nordmark": "Did you mean 'nordmarkt'?",
    f"backfill {DAY} {DAY} --client nordmark --dry-run": "Did you mean 'nordmarkt'?",
}


@pytest.fixture(autouse=True)
def _a_client(home: Path, landing: Path) -> None:
    file = home.parent / "nordmarkt.toml"
    file.write_text(client_file("nordmarkt", "nordmarkt-insights", "http://127.0.0.1:1", date(2026, 3, 1)))
    assert CliRunner().invoke(app, ["client", "apply", str(file)]).exit_code == 0


@pytest.mark.parametrize("command", SLIPS)
def test_a_slip_is_said_and_no_run_is_made_of_it(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran_as_flow = []
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setattr(runner, "_as_flow", lambda verb, words: ran_as_flow.append(verb))
    before = open_stores().audit.entries()
    ran = CliRunner().invoke(app, command.split())
    assert (ran.exit_code, ran_as_flow, open_stores().catalog.runs()) == (2, [], []), ran.output
    assert SLIPS[command] in ran.stderr
    assert open_stores().audit.entries() == before


def test_a_delivery_of_what_is_not_for_clients_is_no_failed_run_without_pages_either() -> None:
    ran = CliRunner().invoke(app, ["deliver", "nordmarkt", "panel", "2026-03"])
    assert (ran.exit_code, open_stores().catalog.runs()) == (2, []), ran.output
