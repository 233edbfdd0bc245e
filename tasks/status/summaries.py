"""Summaries beside the plan: monthly budgets, failures, and costs of runs."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from tasks.alerts import NOT_ALERTED
from tasks.period import Period
from tasks.plan.snapshot import idle
from tasks.privacy.accounting import cap_units, epsilon, rho_of
from tasks.release import budgets, outstanding
from tasks.store import CatalogStores
from tasks.store.tables import Run

LATEST = 20
"""Runs of each verb in the median."""


@dataclass(frozen=True)
class Month:
    """A month's privacy budget per subscriber, in rho: cap, spent, and needs of scheduled releases.

    Each epsilon is at the policy's delta, of the rho beside it; `planned` is spent and needed together.
    """

    month: str
    cap: float
    spent: float
    needed: float
    epsilon_cap: float
    epsilon_spent: float
    epsilon_planned: float

    @property
    def left(self) -> float:
        """The amount that can still be charged."""
        return self.cap - self.spent

    @property
    def suffices(self) -> bool:
        """Whether every scheduled release can be drawn."""
        return self.needed <= self.left


def months(stores: CatalogStores, wanted: Collection[str]) -> Iterator[Month]:
    """The months in view, oldest first; an uncharged month has the policy's cap."""
    budget, charged = stores.policy.policy.budget, {row.month: row for row in budgets(stores)}
    for name in sorted(wanted):
        row, needed = charged.get(name), outstanding(stores, Period.parse(name))
        cap, spent = (row.cap, row.spent) if row else (cap_units(budget.cap), 0)
        rhos = rho_of(cap), rho_of(spent), rho_of(needed)
        epsilons = [round(epsilon(rho_of(units), budget.delta), 2) for units in (cap, spent, spent + needed)]
        yield Month(name, *rhos, *epsilons)


@dataclass(frozen=True)
class Failure:
    """The last failure of a verb on a subject, its recent number, and whether a later run succeeded."""

    verb: str
    subject: str
    at: datetime
    outcome: str
    said: str
    times: int
    mended: bool
    flow_run_id: str | None


def failures(runs: Sequence[Run]) -> list[Failure]:
    """Failures among the latest runs: open ones first, then newest first."""
    last = {(run.verb, run.subject): run for run in reversed(runs)}
    failed: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.ended and run.exit_code not in NOT_ALERTED:
            failed.setdefault((run.verb, run.subject), []).append(run)
    made = [_failure(same, mended=last[key].exit_code == 0) for key, same in failed.items()]
    return sorted(made, key=lambda failure: failure.mended)


def latest_daily(runs: Iterable[Run]) -> Run | None:
    """The schedule's latest run; `runs` newest first."""
    return next((run for run in runs if run.verb == "daily"), None)


def _failure(same: Sequence[Run], mended: bool) -> Failure:
    run = same[0]
    said = run.message or f"It ended with {run.outcome}."
    return Failure(run.verb, run.subject, run.started, run.outcome or "", said, len(same), mended, run.flow_run_id)


@dataclass(frozen=True)
class Cost:
    """The cost of a verb's run: medians of its latest effective runs."""

    verb: str
    runs: int
    seconds: float
    cpu_seconds: float
    bytes_read: float
    bytes_written: float
    s3_requests: float


def costs(runs: Iterable[Run]) -> Iterator[Cost]:
    """Costs by verb, in pipeline order; `runs` newest first. Runs without work are left out."""
    worked = [run for run in runs if run.exit_code == 0 and run.ended and not idle(run)]
    for verb in ("ingest", "publish", "deliver"):
        if same := [run for run in worked if run.verb == verb][:LATEST]:
            took = median((run.ended - run.started).total_seconds() for run in same if run.ended)
            used = (median(getattr(run, name) or 0 for run in same) for name in _USED)
            yield Cost(verb, len(same), round(took, 2), *used)


_USED = ("cpu_seconds", "bytes_read", "bytes_written", "s3_requests")
