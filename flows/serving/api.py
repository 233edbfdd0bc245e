"""What the supervisor asks of Prefect's API: few requests, which fail at once where Prefect's own client waits."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from httpx import Client, TransportError

from flows.links import FLOW_RUN

TIMEOUT_SECONDS = 10
TRIES, BETWEEN_TRIES_SECONDS = 10, 0.3
UNFINISHED = ("PENDING", "RUNNING", "CANCELLING")
WARNING = 30


@dataclass(frozen=True)
class RunState:
    """Prefect's type of state, our name for it, and what it means and what is next."""

    type: str
    name: str
    message: str


class Unreachable(Exception):
    """The API does not answer, or not now."""


class Refused(Exception):
    """The API does not do this: what it is about is gone, or is no longer allowed."""


class Api:
    """Flow runs of one Prefect server on this machine."""

    def __init__(self, url: str, login: str) -> None:
        user, _, password = login.partition(":")
        self._url = url
        self._http = Client(base_url=url, auth=(user, password), timeout=TIMEOUT_SECONDS, trust_env=False)

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """Flow runs by filters of the API, at most two hundred."""
        try:
            return self._post("/flow_runs/filter", filters | {"limit": 200})  # type: ignore[no-any-return]
        except Refused:  # a server that is starting up, or one that is not ours
            raise Unreachable("/flow_runs/filter") from None

    def set_state(self, run: str, state: RunState) -> None:
        """Force a flow run into a state; a deleted run has none."""
        with suppress(Refused):
            self._post(f"/flow_runs/{run}/set_state", {"state": vars(state), "force": True})

    def end_tasks(self, run: str, state: RunState) -> None:
        """Put what a flow run was doing, or was to try again, into a state too."""
        still = {"state": {"type": {"any_": [*UNFINISHED, "SCHEDULED"]}}}
        with suppress(Refused):
            for task in self._post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}, "task_runs": still}):
                self._post(f"/task_runs/{task['id']}/set_state", {"state": vars(state), "force": True})

    def log(self, run: str, line: str) -> None:
        """Put a line into the log of a flow run's page."""
        said = {"name": "throng.serve", "level": WARNING, "message": line, "timestamp": datetime.now(UTC).isoformat()}
        with suppress(Refused):
            self._post("/logs/", [said | {"flow_run_id": run}])

    def page(self, run: str) -> str:
        """The address of a flow run's page."""
        return f"{self._url.removesuffix('/api')}{FLOW_RUN}{run}"

    def start_again(self, run: dict[str, Any], tags: Sequence[str]) -> str | None:
        """One new run of the same deployment with the same parameters, however often this is asked; None: refused."""
        key = f"after {run['id']} {run['run_count']}"  # a run that is retried by hand may die again
        asked = {"parameters": run["parameters"], "idempotency_key": key, "tags": list(tags)}
        try:
            return str(self._post(f"/deployments/{run['deployment_id']}/create_flow_run", asked)["id"])
        except Refused:
            return None

    def _post(self, path: str, body: object) -> Any:
        for _ in range(TRIES):
            try:
                answer = self._http.post(path, json=body)
                if answer.is_success:
                    return answer.json() if answer.content else None
            except (TransportError, ValueError):  # gone, or killed in the middle of its answer
                break
            if answer.status_code < 500:
                raise Refused(path)
            time.sleep(BETWEEN_TRIES_SECONDS)  # 503: its SQLite is busy
        raise Unreachable(path)
