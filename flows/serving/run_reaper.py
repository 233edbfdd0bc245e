"""What becomes of flow runs whose process is gone: nobody else would ever say that they ended.

A worker reports how its runs end. When the worker itself is killed its runs die with it, and Prefect would show them as
Running permanently, and block the next one. So no worker starts before the last one's runs are closed.
"""

import time
from collections.abc import Iterator
from typing import Any

from flows.serving.api import UNFINISHED, Api, RunState
from flows.serving.process_identity import alive, gone
from flows.serving.server_config import POOL, worker_name
from flows.serving.terminal_states import (
    CANCELLED,
    COMMAND_KILLED,
    CUT_OFF,
    KEPT,
    KILLED,
    KILLED_AGAIN,
    STOPPED,
    STOPPED_ALONE,
    WITH_ITS_PARENT,
    close_run,
)

DEAD = ("CRASHED", "CANCELLED")
BETWEEN_STATES_SECONDS = 2
"""A worker takes a run and signs it within milliseconds; one that is unsigned for so long has lost its worker."""

AGAIN = "again"
"""Tags a run that goes on where a killed or interrupted one ended."""

AFTER_A_KILL = "after a kill"
"""Tags one that goes on for a killed one; killed too, it is not followed: it may be what kills."""


def reap(api: Api, queue: str) -> list[str]:
    """Say of each run that this queue's killed worker left behind that it ended; returns their names."""
    left = _left(api, queue)
    for run in left:
        if AFTER_A_KILL in run["tags"]:
            close_run(api, run, KILLED_AGAIN)
        else:
            _follow(api, run, KILLED, CUT_OFF, AFTER_A_KILL)
    _put_back(api, queue)
    return [run["name"] for run in left]


def resubmit(api: Api, queue: str) -> list[str]:
    """Let new runs go on where those end that a stop interrupts; returns the names of the interrupted ones."""
    left = _left(api, queue)
    for run in left:
        _follow(api, run, STOPPED, STOPPED_ALONE)
    return [run["name"] for run in left]


def _follow(api: Api, run: dict[str, Any], followed: RunState, alone: RunState, *tags: str) -> None:
    """Close a run, after a new one is asked for that goes on from there."""
    follower = api.start_again(run, sorted({*run["tags"], AGAIN, *tags}))
    close_run(api, run, followed if follower else alone, follower)


def _left(api: Api, queue: str) -> list[dict[str, Any]]:
    """What the queue's worker of this machine ran when it ended; what was being cancelled is cancelled with that."""
    left = [run for run in _taken(api, queue) if _signed(run) == worker_name(queue)]
    cancelled = [run for run in left if run["state_type"] == "CANCELLING"]
    for run in cancelled:
        close_run(api, run, CANCELLED)
    return [run for run in left if run not in cancelled]


def reap_orphans(api: Api) -> list[str]:
    """Say of runs that no worker reports of that they have ended, with a killed command or a parent; their names."""
    alone = {"state": _state(UNFINISHED), "parent_task_run_id": {"is_null_": True}}
    left = [run for run in api.runs(flow_runs=alone) if gone(run["infrastructure_pid"])]
    for run in left:
        close_run(api, run, COMMAND_KILLED)
    return [run["name"] for run in left] + _of_ended_parents(api)


def _of_ended_parents(api: Api) -> list[str]:
    """A run that another one started ends as that one did; but where the other says that all is well, it crashed."""
    children = api.runs(flow_runs={"state": _state(UNFINISHED), "parent_task_run_id": {"is_null_": False}})
    if not children:
        return []
    parents = api.runs(task_runs={"id": {"any_": [run["parent_task_run_id"] for run in children]}})
    names = []
    for parent in parents:
        if parent["state_type"] in (*UNFINISHED, "SCHEDULED", "PAUSED"):
            continue
        dead = parent["state_type"] in DEAD
        kind, name = (parent["state_type"], parent["state_name"]) if dead else ("CRASHED", "Crashed")
        how = RunState(kind, name, WITH_ITS_PARENT)
        for run in api.runs(flow_runs={"state": _state(UNFINISHED), "parent_flow_run_id": {"any_": [parent["id"]]}}):
            close_run(api, run, how, parent["id"])
            names.append(run["name"])
    return names


def dead_runs(api: Api, since: str) -> dict[str, tuple[str, str]]:
    """Flow runs that began and were killed, interrupted or cancelled since, by id: the state's name, and its sentence.

    Of those that a worker or Prefect itself has marked, the page says first what that means. Prefect gives up
    some whose process goes on.
    """
    found = {}
    for run in api.runs(flow_runs={"state": _state(DEAD), "end_time": {"after_": since}}):
        if not run["run_count"] or alive(run["infrastructure_pid"]):
            continue
        message = run["state"]["message"] or ""
        if KEPT not in message:
            how = _meaning(run)
            close_run(api, run, how)
            message = how.message
        found[run["id"]] = (run["state_name"], message)
    return found


def _meaning(run: dict[str, Any]) -> RunState:
    if run["state_type"] == CANCELLED.type:
        return CANCELLED
    return COMMAND_KILLED if gone(run["infrastructure_pid"]) else CUT_OFF


def _put_back(api: Api, queue: str) -> None:
    """Put runs into the queue again that a worker had taken, but not yet signed, when it was killed."""
    seen = set(_unsigned(api, queue))
    if seen:
        time.sleep(BETWEEN_STATES_SECONDS)
    for run in seen & set(_unsigned(api, queue)):
        api.set_state(run, RunState("SCHEDULED", "Scheduled", "Its worker was killed before it started."))


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
