"""A run over many periods: plan, carry out, and look again at what is left."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from flows.executor import STOPPED, Run, StepResult, execute, listeners, tolerated
from flows.jobs import Job
from flows.monitoring import refresh_monitoring
from flows.plan_view import total
from tasks.alerts import failure
from tasks.errors import INTERRUPTED, SOME_FAILED, RefusedRelease
from tasks.plan import Plan
from tasks.step import log_to_run
from tasks.store import open_catalog
from tasks.store.audit import AuditEntry
from tasks.store.tables import Run as RunRecord


@dataclass(frozen=True)
class Report:
    """What was to be done, how each step of it ended, and what is left to do."""

    plan: Plan
    results: Sequence[StepResult]
    after: Plan
    dry_run: bool = False
    """Nothing was to be done: the plan is all there is."""

    @property
    def failed(self) -> list[StepResult]:
        """Steps that were to be done, and are not."""
        return [result for result in self.results if result.failed]

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop before its end."""
        return any(result.outcome == STOPPED for result in self.results)


def verdict(report: Report) -> tuple[str, str]:
    """What the run comes to: a state's name, and a sentence."""
    if report.dry_run:
        return "Planned", total(report.plan)
    done = sum(not result.failed and result.outcome != STOPPED for result in report.results)
    if report.stopped:
        return "Stopped", f"Stopped after {done} of {len(report.results)} steps; the same command goes on from here."
    if report.failed:
        first, *more = [result for result in report.failed if result.error] or report.failed
        others = f" Beside it {len(more)} more failed." if more else ""
        failed = f"{len(report.failed)} of {len(report.results)} steps failed or were not begun."
        return "SomeFailed", f"{failed} {first.step.verb} {first.step.subject}: {first.reason}{others}"
    if overdue := [step.period for step in report.after.steps if step.overdue and step.verb == "ingest"]:
        return "LandingOverdue", f"The landing of {', '.join(overdue[:5])} is past its time. What can be done is done."
    if report.results and any(not result.outcome.startswith(("Already", "Awaiting")) for result in report.results):
        return "Reconciled", f"{done} steps done: all that could be done is done.{_left(report.after)}"
    if any(target.state.value == "waiting" for target in report.after.targets):
        return "AwaitingLanding", f"Nothing to do yet: the landing is not closed.{_left(report.after)}"
    if left := _left(report.after):
        return "NothingToDo", f"Nothing can be done before somebody acts.{left}"
    return "NothingToDo", f"Nothing to do: {_all(report.after)}"


def _all(plan: Plan) -> str:
    """What there was to look at; a schedule looks back so far only, and a grant may reach further."""
    days = f"from {plan.first} to {plan.last}"
    done = f"all that can be done {days} is done" if plan.targets else f"nothing is expected {days}"
    return done + ("." if plan.mode else "; whether anything older is late, `throng status` says.")


def _left(plan: Plan) -> str:
    """What no run does again by itself, as a further sentence."""
    stuck = [f"{number} {state}" for state, number in plan.counts.items() if state in ("failed", "blocked by budget")]
    return f" Not done: {', '.join(stuck)}; `throng status` says what to do." if stuck else ""


def exit_code(report: Report, asked: bool) -> int:
    """3 if some of several periods failed; of a single day, its error's exit code."""
    if report.stopped:
        return INTERRUPTED
    blocked = asked and any(target.state.value == "blocked by budget" for target in report.after.targets)
    if not report.failed and not blocked:
        return 0
    if report.plan.first != report.plan.last:
        return SOME_FAILED
    return next((result.error.exit_code for result in report.failed if result.error), RefusedRelease.exit_code)


async def reconcile(job: Job, run: Run) -> Report:
    """Make a plan, carry it out, and look again at what is left; a listener sees the plan first."""
    if job.dry_run:
        plan = await _make_plan(job)
        return Report(plan, (), plan, dry_run=True)
    with _recorded(job) as record:
        plan = await _make_plan(job)
        results = await execute(plan.due, run, job.parallel)
        report = Report(plan, results, await asyncio.to_thread(job.plan) if results else plan)
        record.outcome, record.message = verdict(report)
        record.exit_code = exit_code(report, not job.scheduled)
    await asyncio.to_thread(_refresh_monitoring, report)
    return report


async def _make_plan(job: Job) -> Plan:
    plan = await asyncio.to_thread(job.plan)
    log_to_run(total(plan))  # the page's log reads as a story
    for listener in listeners():
        with tolerated("progress"):
            await asyncio.to_thread(listener.show, plan)
    return plan


@contextmanager
def _recorded(job: Job) -> Iterator[RunRecord]:
    """The run in the catalog; what a person asked for, in the audit table too."""
    stores = open_catalog()
    if job.asked:
        stores.audit.write(AuditEntry.by_user(f"{job.verb} asked for", job.subject, job.asked))
    with stores.catalog.run(job.verb, job.subject) as record:
        yield record


def _refresh_monitoring(report: Report) -> None:
    """Metrics and alerts; they decide nothing of the work that was done."""
    ended = [(result.step, result.error) for result in report.failed]
    with tolerated("monitoring"):
        refresh_monitoring([failure(f"{step.verb} {step.subject}", error) for step, error in ended if error])
