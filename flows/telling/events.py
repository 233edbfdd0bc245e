"""Alerts as events: what the server's automations, and anybody else's, can react to."""

import re
from collections.abc import Iterable
from dataclasses import asdict

from prefect.events import emit_event

from tasks.alerts import Alert

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]+")


def say(alerts: Iterable[Alert]) -> None:
    """Emit one event `throng.<kind>` for each alert; where no server is, nobody hears it."""
    for alert in alerts:
        event = f"throng.{alert.kind}"
        place = f"{event}.{_NOT_IN_AN_ID.sub('-', alert.subject)}"
        emit_event(event, {"prefect.resource.id": place, "prefect.resource.name": alert.subject}, payload=asdict(alert))
