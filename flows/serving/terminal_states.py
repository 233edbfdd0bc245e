"""How runs end that cannot say so themselves, in the words that their pages, the log and the catalog have for it."""

from dataclasses import dataclass
from typing import Any

from flows.serving.api import UNFINISHED, Api
from flows.serving.process_identity import this_process


@dataclass(frozen=True)
class TerminalState:
    """Prefect's kind of state, our name for it, and what it means and what is next."""

    kind: str
    name: str
    message: str


def _crashed(message: str, name: str = "Crashed") -> TerminalState:
    return TerminalState("CRASHED", name, message)


_KILLED = "Its process was killed. What it had finished is kept; "
KILLED = _crashed(f"{_KILLED}a new run goes on from there.")
KILLED_AGAIN = _crashed(f"{_KILLED}as this was the second time, find out why before a rerun.")
KILLED_ALONE = _crashed(f"{_KILLED}the next daily, or a rerun of the backfill, goes on from there.")
CUT_OFF = _crashed("It was cut off. What it had finished is kept; a rerun, or the next daily, goes on.")
COMMAND_KILLED = _crashed(f"{_KILLED}the same command goes on from there.")
STOPPED = _crashed("Throng was stopped. A new run goes on from here when it is started again.", "Interrupted")
STOPPED_ALONE = _crashed("Throng was stopped. What it had finished is kept; a rerun goes on.", "Interrupted")
STOPPED_AT_ONCE = _crashed("Stopped at once by hand. The same command goes on from here.", "Interrupted")
CANCELLED = TerminalState("CANCELLED", "Cancelled", "Cancelled by hand; what it had finished is kept.")
WITH_ITS_PARENT = "The run that started it has ended. What it had finished is kept."

_ENDS = (
    KILLED, KILLED_AGAIN, KILLED_ALONE, CUT_OFF, COMMAND_KILLED, STOPPED, STOPPED_ALONE, STOPPED_AT_ONCE, CANCELLED
)  # fmt: skip
OURS = frozenset({WITH_ITS_PARENT, *(how.message for how in _ENDS)})
"""Messages of explained states; other states still have Prefect's own words."""


def close_run(api: Api, run: dict[str, Any], how: TerminalState, see: str | None = None) -> None:
    """Explain the end in the page's log, then set the state, which marks it as explained.

    `see`: another run, whose page tells more.
    """
    api.end_tasks(run["id"], how.kind, how.name, how.message)
    api.log(run["id"], f"{how.name}: {how.message}{f' See {api.page(see)}' if see else ''}")
    api.set_state(run["id"], how.kind, how.name, how.message)


def close_own_runs(api: Api) -> None:
    """Say of the runs of this very process, which is about to end, that it was stopped."""
    for run in api.runs(flow_runs={"state": {"type": {"any_": list(UNFINISHED)}}}):
        if run["infrastructure_pid"] == this_process():
            close_run(api, run, STOPPED_AT_ONCE)
