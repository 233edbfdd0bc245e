"""Action items: alerts grouped by their remedy, causes before effects."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tasks.alerts import HELP, Alert, AlertKind
from tasks.errors import INTERRUPTED
from tasks.period import Period, clock
from tasks.plan.states import State, Step, Target
from tasks.store.tables import Delivery, Run
from tasks.withheld import REMEDY, mostly_withheld, newest

_PERIOD = re.compile(r"\b\d{4}-(?:W\d{2}|\d{2}(?:-\d{2})?)\b")
_ORDER = (AlertKind.RUN_FAILED, AlertKind.LANDING_OVERDUE, *AlertKind)
"""Causes before effects."""
MISCONFIGURED = "misconfigured"
"""No alert: a setting is wrong, so the landing is unknown."""

OUT_OF_VIEW = "out_of_view"
"""No alert: late, and older than the schedule looks; only a backfill helps."""

SCHEDULE_SILENT = "schedule_silent"
"""No alert of the catalog: Prefect reports a silent schedule."""

SILENT = timedelta(days=1)
"""`throng serve` runs `daily` every hour; another scheduler runs it at least once a day."""

MOSTLY_WITHHELD = "mostly_withheld"
"""No alert: it repeats every day until zones or panel change."""

UNFINISHED = "backfill_unfinished"
"""No alert: the user who began the backfill knows."""

URGENT = frozenset(
    {
        MISCONFIGURED,
        SCHEDULE_SILENT,
        AlertKind.RUN_FAILED,
        AlertKind.LANDING_OVERDUE,
        AlertKind.DELIVERY_LATE,
        AlertKind.KEY_EXPIRING,
    }
)
"""Kinds that need action now; the others need a look."""


@dataclass(frozen=True)
class ActionItem:
    """One action: its subjects, the first fault, the remedy, and the deliveries that wait."""

    kind: str
    subjects: tuple[str, ...]
    what: str
    action: str
    holds_up: tuple[str, ...] = ()
    """Deliveries that wait for it, as `client product period`."""

    @property
    def urgent(self) -> bool:
        """Whether a delivery waits for it."""
        return self.kind in URGENT


def action_items(alerts: Sequence[Alert], targets: Iterable[Target]) -> list[ActionItem]:
    """Group alerts by remedy; a late delivery appears with its cause.

    `targets`: of the plan that the alerts were read from.
    """
    causes = {_step(alert) for alert in alerts if alert.kind in (AlertKind.RUN_FAILED, AlertKind.LANDING_OVERDUE)}
    held: dict[str, list[str]] = {}
    for target in targets:
        if target.client and target.state is not State.DONE and (cause := _cause(target, causes)):
            held.setdefault(cause, []).append(f"{target.client} {target.product} {target.period}")
    told_with_cause = {subject for subjects in held.values() for subject in subjects}
    groups: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        if alert.kind != AlertKind.DELIVERY_LATE or alert.subject not in told_with_cause:
            groups.setdefault((alert.kind, _fault(alert)), []).append(alert)
    made = [_item(same, held) for same in groups.values()]
    return sorted(made, key=lambda item: (_ORDER.index(AlertKind(item.kind)), -len(item.holds_up), item.subjects))


def out_of_view(late: Iterable[Target], steps: Iterable[Step], looks_back: int) -> list[ActionItem]:
    """Late periods outside the schedule: one backfill covers them, except without landing or budget."""
    lacking = {step.period for step in steps if step.verb == "ingest" and step.state is State.WAITING}
    view = f"The schedule looks back {looks_back} days, and no further than the first data."
    groups: dict[State, list[Target]] = {}
    for target in late:
        alone = target.state in (State.WAITING, State.BLOCKED)
        groups.setdefault(target.state if alone else State.MISSING, []).append(target)
    return [
        ActionItem(
            OUT_OF_VIEW,
            tuple(f"{target.client} {target.product} {target.period}" for target in same),
            f"{view} {same[0].state.capitalize()}: {same[0].why}",
            _remedy(state, same, lacking),
        )
        for state, same in groups.items()
    ]


def _remedy(state: State, targets: Sequence[Target], lacking: Collection[str]) -> str:
    """The remedy for late periods outside the schedule; `lacking`: days without a landing."""
    if state is State.BLOCKED:
        return HELP[state]
    periods = sorted(Period.parse(target.period) for target in targets)
    backfill = f"throng backfill {periods[0].first} {max(period.days[-1] for period in periods)}"
    days = sorted({day for target in targets for _, day in target.upstream if day in lacking})
    if state is not State.WAITING or not days:
        return f"To have it done: {backfill}"
    more = f" and {len(days) - 1} more day{'s' * (len(days) > 2)}" if len(days) > 1 else ""
    return f"Have the operator send the events of {days[0]}{more} into the landing; after that: {backfill}"


def silent(last: Run | None, now: datetime, zone: ZoneInfo) -> list[ActionItem]:
    """The action for a schedule that has not run for more than a day."""
    if last is None or now - last.started <= SILENT:
        return []
    what = f"No daily run has begun since {clock(last.started, zone)}."
    return [
        ActionItem(
            SCHEDULE_SILENT, ("daily",), what, "Start `throng serve` again, or your own schedule; or now: throng daily"
        )
    ]


def unfinished(runs: Sequence[Run], targets: Iterable[Target], zone: ZoneInfo) -> list[ActionItem]:
    """Unfinished backfills with work left in their range; `runs` newest first.

    Those of days in common are one: a backfill of all their days does what is left of each.
    """
    last = {run.subject: run for run in reversed(runs) if run.verb == "backfill"}
    open_days = {day for target in targets if target.needs for verb, day in target.upstream if verb == "ingest"}
    ranges: list[tuple[str, str, list[Run]]] = []
    for run in sorted(last.values(), key=lambda run: run.subject):
        first, end = run.subject.split(" to ")
        if run.exit_code in (None, INTERRUPTED) and any(first <= day <= end for day in open_days):
            same = [run]
            if ranges and first <= ranges[-1][1]:
                first, before, same = ranges.pop()
                end, same = max(before, end), [*same, run]
            ranges.append((first, end, same))
    return [_unfinished(first, end, max(same, key=lambda run: run.started), zone) for first, end, same in ranges]


def unreadable(deliveries: list[Delivery]) -> list[ActionItem]:
    """Products whose newest delivery to a client is mostly withheld."""
    few = [one for one in newest(deliveries).values() if mostly_withheld(one)]
    if not few:
        return []
    what = f"{few[0].withheld:,} of its {few[0].rows:,} numbers are withheld as too small."
    return [ActionItem(MOSTLY_WITHHELD, tuple(f"{one.client} {one.product} {one.period}" for one in few), what, REMEDY)]


def _unfinished(first: str, end: str, latest: Run, zone: ZoneInfo) -> ActionItem:
    what, when = f"It runs, since {clock(latest.started, zone)}.", "Nothing while it runs; if its process died"
    if latest.ended:
        what, when = latest.message or "", "To go on where it stopped"
    return ActionItem(UNFINISHED, (f"{first} to {end}",), what, f"{when}: throng backfill {first} {end}")


def _item(same: Sequence[Alert], held: Mapping[str, Sequence[str]]) -> ActionItem:
    first, *_ = ordered = sorted(same, key=lambda alert: alert.subject)
    holds_up = tuple(subject for alert in ordered for subject in held.get(_step(alert), ()))
    return ActionItem(first.kind, tuple(alert.subject for alert in ordered), first.what, first.action, holds_up)


def _fault(alert: Alert) -> str:
    """The group of an alert: its message without the period, else its action or rule."""
    if alert.kind == AlertKind.DELIVERY_LATE:
        return alert.action
    return _PERIOD.sub("*", alert.subject if alert.kind == AlertKind.GATE_WARNING else alert.what)


def _step(alert: Alert) -> str:
    """The step of an alert."""
    return f"ingest {alert.subject}" if alert.kind == AlertKind.LANDING_OVERDUE else alert.subject


def _cause(target: Target, causes: Collection[str]) -> str | None:
    """The failed step that blocks a delivery, or the last step on its way."""
    return next((step for step in map(" ".join, target.upstream) if step in causes), None)
