"""What becomes of flow runs whose process is gone: nobody else would ever say that they ended.

A worker reports how its runs end. When the worker itself is killed its runs die with it, and Prefect would show them as
running for ever, and keep their place from the next one. So no worker starts before what it left behind is settled.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flows.serving.api import UNFINISHED, Api
from flows.serving.place import POOL, worker_name
from flows.serving.process import gone

BETWEEN_STATES_SECONDS = 2
"""A worker takes a run and signs it within milliseconds; one that is unsigned for so long has lost its worker."""

AGAIN = "again"
"""Tags a run that goes on where a killed one ended; killed too, it is not followed: it may be what kills."""

KILLED = "Its process was killed. What it had finished is kept; a new run goes on from there."
KILLED_AGAIN = "Its process was killed, for the second time. What it had finished is kept; find out why before a rerun."
STOPPED = "Throng was stopped. A new run goes on from here when it is started again."
COMMAND_KILLED = "Its process was killed. What it had finished is kept; the same command goes on from there."
CANCELLED = "Cancelled by hand; what it had finished is kept."
WITH_ITS_PARENT = "The run that started it has ended."


def settle(api: Api, queue: str) -> list[str]:
    """Say of each run that this queue's killed worker left behind that it ended; returns their names."""
    left = _left(api, queue)
    for run in left:
        goes_on = AGAIN not in run["tags"] and api.start_again(run, [*run["tags"], AGAIN])
        api.set_state(run["id"], "CRASHED", "Crashed", KILLED if goes_on else KILLED_AGAIN)
    _put_back(api, queue)
    return [run["name"] for run in left]


def hand_over(api: Api, queue: str) -> list[str]:
    """Let new runs go on where those end that a stop interrupts; returns the names of the interrupted ones."""
    left = _left(api, queue)
    for run in left:
        api.start_again(run, run["tags"])
        api.set_state(run["id"], "CRASHED", "Interrupted", STOPPED)
    return [run["name"] for run in left]


def _left(api: Api, queue: str) -> list[dict[str, Any]]:
    """What the queue's worker of this machine ran when it ended; what was being cancelled is cancelled with that."""
    left = [run for run in _taken(api, queue) if _signed(run) == worker_name(queue)]
    cancelled = [run for run in left if run["state_type"] == "CANCELLING"]
    for run in cancelled:
        api.set_state(run["id"], "CANCELLED", "Cancelled", CANCELLED)
    return [run for run in left if run not in cancelled]


def sweep(api: Api) -> list[str]:
    """Say of runs that no worker reports of that they have ended, with a killed command or a parent; their names."""
    left = [run for run in api.runs(flow_runs={"state": _state(UNFINISHED)}) if gone(run["infrastructure_pid"])]
    for run in left:
        api.set_state(run["id"], "CRASHED", "Crashed", COMMAND_KILLED)
    return [run["name"] for run in left] + _of_ended_parents(api)


def _of_ended_parents(api: Api) -> list[str]:
    children = api.runs(flow_runs={"state": _state(UNFINISHED), "parent_task_run_id": {"is_null_": False}})
    if not children:
        return []
    parents = api.runs(task_runs={"id": {"any_": [run["parent_task_run_id"] for run in children]}})
    ended = [run["id"] for run in parents if run["state_type"] not in (*UNFINISHED, "SCHEDULED", "PAUSED")]
    left = api.runs(flow_runs={"state": _state(UNFINISHED), "parent_flow_run_id": {"any_": ended}}) if ended else []
    for run in left:
        api.set_state(run["id"], "CRASHED", "Crashed", WITH_ITS_PARENT)
    return [run["name"] for run in left]


def _put_back(api: Api, queue: str) -> None:
    """Put runs into the queue again that a worker had taken, but not yet signed, when it was killed."""
    seen = set(_unsigned(api, queue))
    if seen:
        time.sleep(BETWEEN_STATES_SECONDS)
    for run in seen & set(_unsigned(api, queue)):
        api.set_state(run, "SCHEDULED", "Scheduled", "Its worker was killed before it started.", _now())


def _unsigned(api: Api, queue: str) -> Iterator[str]:
    return (run["id"] for run in _taken(api, queue) if run["state_type"] == "PENDING" and not _signed(run))


def _taken(api: Api, queue: str) -> list[dict[str, Any]]:
    return api.runs(
        flow_runs={"state": _state(UNFINISHED)},
        work_pools={"name": {"any_": [POOL]}},
        work_pool_queues={"name": {"any_": [queue]}},
    )


def _signed(run: dict[str, Any]) -> str | None:
    return (run["labels"] or {}).get("prefect.worker.name")


def _state(kinds: tuple[str, ...]) -> dict[str, Any]:
    return {"type": {"any_": list(kinds)}}


def _now() -> str:
    return datetime.now(UTC).isoformat()
