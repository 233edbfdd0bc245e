"""Many periods at once: daily, backfill."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import app
from flows.cli.output import CommandOutput, command, listing
from flows.cli.parsing import parse_day

if TYPE_CHECKING:
    from flows.executor import StepResult
    from flows.reconcile import Report
    from tasks.plan import Plan
    from tasks.plan.states import Target

SHOWN = 60
"""Lines of a plan that are shown before it runs; `--dry-run` and `--json` show all."""


@command(app, "throng daily")
def daily(
    day: Annotated[str | None, typer.Argument(help="One network-local day, as 2026-03-01, in place of all.")] = None,
) -> CommandOutput:
    """Do all that is due: closed days that are missing, then releases and deliveries. Safe to run at any time."""
    from flows.cli import validation
    from flows.cli.runner import run_many

    local_day = parse_day(day) if day else None
    validation.daily()
    report = run_many("daily", {"day": local_day}, _due)
    return _told(report, requested=local_day is not None)


@command(app, "throng backfill 2026-03-01 2026-03-31 --dry-run")
def backfill(
    first: Annotated[str, typer.Argument(help="The first day, as 2026-03-01.")],
    last: Annotated[str, typer.Argument(help="The last day. A week or month belongs to the range in which it ends.")],
    product: Annotated[str | None, typer.Option(help="Only this product.")] = None,
    client: Annotated[str | None, typer.Option(help="Only what this client is granted.")] = None,
    mode: Annotated[
        str,
        typer.Option(
            metavar="missing|failed|all",
            help="missing: everything that is not done. failed: only what failed. "
            "all: also changed days and all deliveries. No mode draws a release again.",
        ),
    ] = "missing",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan and what it costs.")] = False,
    parallel: Annotated[int, typer.Option(metavar="N", min=1, max=8, help="Number of parallel steps.")] = 1,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="From the last period back.")] = False,
) -> CommandOutput:
    """Plan a range of days, then do what is missing, period by period. The same command resumes."""
    from flows.cli import validation
    from flows.cli.runner import run_many

    begin, end = parse_day(first), parse_day(last)
    how = {"mode": _a_mode(mode), "parallel": parallel, "dry_run": dry_run, "newest_first": newest_first}
    validation.backfill(begin, end, product, client)
    words = {"first": begin, "last": end, "product": product, "client": client, **how}
    report = run_many("backfill", words, None if dry_run else _due)
    told = _planned(report.plan) if dry_run else _told(report, requested=True)
    return replace(told, say=[*told.say, *_rests_on(product)]) if product else told


def _rests_on(product: str) -> list[str]:
    """What people of a product rest on, and a plan of this product alone does not publish."""
    from tasks.estimation import beside
    from tasks.policy_file import load as load_policy
    from tasks.products.registry import find
    from tasks.settings import load

    left_out = load_policy(load().policy).policy.budget.leave_out
    names = ", ".join(dict.fromkeys(name for part in find(product) for name in beside(part, left_out)))
    what = f"People of {product} also rest on {names} of one day. Without --product, a backfill publishes all."
    return [what] if names else []


def _a_mode(text: str) -> str:
    from tasks.errors import Misconfigured
    from tasks.plan import Mode

    if text not in list(Mode):
        raise Misconfigured(f"'{text[:40]}' is not a mode.", f"Give one of: {', '.join(Mode)}.", "usage.unknown_mode")
    return text


def _due(plan: "Plan") -> object:
    """The part of a plan that will run; the rest is shown at the end."""
    from rich.console import Group

    to_run = plan_lines(f"{plan.first} to {plan.last}: to run", [t for t in plan.targets if t.needs], SHOWN)
    return Group(*to_run) if to_run else "Nothing to run."


def plan_lines(title: str, targets: "Sequence[Target]", most: int | None = None) -> list[Any]:
    """Targets of a plan: which periods, for whom, and below it the steps and the reason."""
    from flows.plan_view import group_alike

    groups = group_alike(targets)
    rows = [
        {
            "period": alike.periods,
            "product": alike.first.product,
            "for": alike.clients,
            "state": alike.first.state.value,
            "notes": (alike.cost, alike.first.why),
        }
        for alike in groups[:most]
    ]
    more = f"; {len(groups) - len(rows)} more lines" if len(groups) > len(rows) else ""
    return listing(f"{title}{more}", rows, ("period", "product", "for", "state"), lambda row: row["notes"])


def _planned(plan: "Plan") -> CommandOutput:
    from flows.plan_view import total

    lines = plan_lines(f"{plan.first} to {plan.last}", plan.targets)
    return CommandOutput({"plan": plan.document()}, [*lines, total(plan)])


def _told(report: "Report", requested: bool) -> CommandOutput:
    """What became of the plan, what is left, and what to do about it."""
    from flows.plan_view import not_done, total
    from flows.reconcile import exit_code, verdict

    name, sentence = verdict(report)
    results = [_line(result) for result in report.results]
    document = {
        "outcome": name,
        "message": sentence,
        "plan": report.plan.document(),
        "results": results,
        "after": report.after.document(),
    }
    open_targets = plan_lines("not done", not_done(report.after), SHOWN)
    return CommandOutput(
        document, [f"{name}: {sentence}", *open_targets, total(report.after)], exit_code(report, requested)
    )


def _line(result: "StepResult") -> dict[str, Any]:
    step = result.step
    fault = result.error.document() if result.error else {}
    return {
        "verb": step.verb,
        "subject": step.subject,
        "outcome": result.outcome,
        "seconds": result.seconds,
        "warnings": result.warnings,
        **fault,
    }
