"""How runs end that cannot say so themselves, in the words that their pages, the log and the catalog have for it."""

from typing import Any

from flows.serving.api import UNFINISHED, Api, RunState
from flows.serving.process_identity import this_process

KEPT = "What it had finished is kept"
"""Marks an explained state; other states still have Prefect's own words."""


def _crashed(what: str, follows: str, name: str = "Crashed") -> RunState:
    return RunState("CRASHED", name, f"{what} {KEPT}; {follows}")


_KILLED = "Its process was killed."
KILLED = _crashed(_KILLED, "a new run goes on from there.")
KILLED_AGAIN = _crashed(_KILLED, "as this was the second time, find out why before a rerun.")
CUT_OFF = _crashed("It was cut off.", "the next daily, or a rerun of the backfill, goes on from there.")
COMMAND_KILLED = _crashed(_KILLED, "the same command goes on from there.")
STOPPED = _crashed("Throng was stopped.", "a new run goes on from there when it is started again.", "Interrupted")
STOPPED_ALONE = _crashed("Throng was stopped.", "a rerun goes on from there.", "Interrupted")
STOPPED_AT_ONCE = _crashed("Stopped at once by hand.", "the same command goes on from there.", "Interrupted")
CANCELLED = RunState("CANCELLED", "Cancelled", f"Cancelled by hand. {KEPT}.")
WITH_ITS_PARENT = f"The run that started it has ended. {KEPT}."


def close_run(api: Api, run: dict[str, Any], how: RunState, see: str | None = None) -> None:
    """Explain the end in the page's log, then set the state, which marks it as explained.

    `see`: another run, whose page tells more.
    """
    api.end_tasks(run["id"], how)
    api.log(run["id"], f"{how.name}: {how.message}{f' See {api.page(see)}' if see else ''}")
    api.set_state(run["id"], how)


def close_own_runs(api: Api) -> None:
    """Say of the runs of this very process, which is about to end, that it was stopped."""
    for run in api.runs(flow_runs={"state": {"type": {"any_": list(UNFINISHED)}}}):
        if run["infrastructure_pid"] == this_process():
            close_run(api, run, STOPPED_AT_ONCE)
