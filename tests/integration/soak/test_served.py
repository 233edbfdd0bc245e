"""Day after day through `throng serve`, with Prefect's server and workers: what they hold and keep stays as it is."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from flows.serving.server_config import KEPT_DAYS
from tasks.loopback import free_ports
from tasks.services.s3 import S3Server
from tests.integration.soak.conftest import FIRST, RUNS, client
from tests.integration.soak.measures import Sample, Series, children, of_home, of_process, size
from tests.integration.soak.prefects import age, of_prefect
from tests.served import Served, descendants, until, with_words

EVERY = max(1, RUNS // 60)
FULL = max(3, RUNS // 3)
"""From this run on as many days have passed, as far as Prefect knows, as it keeps runs."""

PROCESSES = ("serve", "server", "worker daily", "worker backfill")
MOST_DRIFT = {
    **dict.fromkeys([f"{name} {what}" for name in PROCESSES for what in ("open files", "threads")], 4),
    **dict.fromkeys([f"{name} MB" for name in PROCESSES], 30),
    **{"processes": 0.5, "left over": 0.5, "scratch": 0.5},
}
"""By how much a fitted line may rise over the last two thirds."""

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Ageing(Served):
    """Served for months within an hour: the server clears its database at short intervals."""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "20"}

    def day(self, number: int, day: date) -> Sample:
        """One `daily` of this day, by its deployment; and what is held once it has ended."""
        started = monotonic()
        ended = self._ended(self._asked(number, day))
        assert ended["state_name"] == "Reconciled", ended["state"]
        until(lambda: not children(self.worker("daily")))
        if number >= FULL and number % EVERY == 0:
            age(self.home / "prefect", KEPT_DAYS * EVERY / FULL)
        return {"run": number, "seconds": monotonic() - started, **self._held()}

    def _ended(self, run: str) -> dict[str, Any]:
        """The run at its end."""
        now: dict[str, Any] = until(lambda: (found := self.run(run)) and found["state_type"] in ENDED and found, 600)
        return now

    def _asked(self, number: int, day: date) -> str:
        """A run's id; asked for again, on a machine too busy to answer, it is the same run."""
        path = f"/deployments/{until(lambda: self.deployment('daily'))['id']}/create_flow_run"
        body = {"parameters": {"day": str(day)}, "idempotency_key": f"day {number}"}
        return str(until(lambda: self.post(path, body))["id"])

    def _held(self) -> Sample:
        assert self.process
        below = descendants(self.process.pid)
        server = with_words(below, "server start")
        pids = dict(
            zip(PROCESSES, (self.process.pid, server, self.worker("daily"), self.worker("backfill")), strict=True)
        )
        held = {f"{name} {what}": v for name, pid in pids.items() for what, v in of_process(pid).items()}
        logs = sum(size(file) for file in (self.home / "logs").glob("*.log*"))
        books = {"catalog kB": size(self.home / "catalog.db"), "logs kB": logs, **of_home(self.home)}
        return {"processes": len(below), **held, **books, **of_prefect(self.home / "prefect")}


@pytest.fixture
def served(tmp_path: Path, landing: Path, bucket: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ageing]:
    """A served home with a client, whose schedule is off."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(bucket.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    one = Ageing(tmp_path / "home", landing, free_ports(1)[0])
    file = tmp_path / "nordmarkt.toml"
    file.write_text(client("served", bucket))
    assert one.throng("client", "apply", str(file)).returncode == 0
    one.start()
    one.post(f"/deployments/{one.deployment('daily')['id']}/pause_deployment", {})
    yield one
    one.signal(signal.SIGTERM)


@pytest.mark.soak
def test_as_many_days_by_the_schedules_deployment_leave_server_workers_and_both_databases_as_they_were(
    served: Ageing, tmp_path: Path
) -> None:
    series = Series()
    for number in range(1, RUNS + 1):
        series.samples.append(served.day(number, FIRST + timedelta(days=number - 1)))
        if number % EVERY == 0:
            series.write(tmp_path / "served.csv")
    fresh = Series(series.samples[1:FULL])
    print(f"\nbefore anything is old enough: {fresh.slope('in use kB', 1):.0f} kB a run in Prefect's database")
    print(f"{series.table([name for name in series.samples[0] if name != 'run'])}\nall: {tmp_path / 'served.csv'}")
    assert not series.growing(MOST_DRIFT)
    assert series.drift("prefect kB") < 0.1 * series.samples[FULL]["prefect kB"]
    assert series.drift("in use kB") < 0.1 * series.samples[FULL]["prefect kB"]
