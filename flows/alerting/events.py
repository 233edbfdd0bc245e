"""Alerts as events, for the server's automations and others."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from prefect.events import emit_event

from tasks.alerts import Alert, AlertKind
from tasks.plan.states import Target
from tasks.status.actions import ActionItem, action_items

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]+")


def emit_alerts(alerts: Iterable[Alert]) -> None:
    """Emit one event `throng.<kind>` for each alert."""
    for alert in alerts:
        event = f"throng.{alert.kind}"
        place = f"{event}.{_NOT_IN_AN_ID.sub('-', alert.subject)}"
        emit_event(event, {"prefect.resource.id": place, "prefect.resource.name": alert.subject}, payload=asdict(alert))


def group_by_cause(alerts: Sequence[Alert], targets: Iterable[Target]) -> list[Alert]:
    """One alert per cause, with the number of its effects. `targets`: of the alerts' plan."""
    return [_of(todo) for todo in action_items(alerts, targets)]


def _of(todo: ActionItem) -> Alert:
    """Named by its first subject, so that one more subject is no new alert within the day."""
    first, *more = todo.subjects
    since = f"since {first}" if todo.kind == AlertKind.LANDING_OVERDUE else f"{first} and more"
    many = f"{len(todo.subjects)} in all, up to {more[-1]}. " if more else ""
    waiting = f" {len(todo.holds_up)} deliveries wait for it." if todo.holds_up else ""
    return Alert(todo.kind, since if more else first, f"{many}{todo.what}{waiting}", todo.action)
