"""The server's automations as code: they pass alerts to the dispatcher; renewed at each start of `serve`."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from pydantic import SecretStr

from flows.alerting.dispatcher import RUN_LATE, SCHEDULE_SILENT
from flows.links import FLOW_RUN
from flows.serving.terminal_states import COMMAND_KILLED
from tasks.alerts import AlertKind

BLOCK = "throng-alerts"
PREFIX = "throng: "
LATE = timedelta(minutes=10)
"""How long a run may wait for a worker; Prefect's own `Late` comes after 15 seconds, a worker's polling."""

SILENT = timedelta(hours=3)
"""How long `daily` may show no activity although it is hourly: schedules can fail silently."""

_NOT_BY_ITSELF = ["Failed", "Crashed", "TimedOut"]
"""Prefect's own names of failures. A run that ends itself has sent its alert, under a name of Throng's."""

_OURS = {"prefect.resource.role": "deployment", "prefect.resource.name": ["daily", "backfill"]}
_DAILY = {"prefect.resource.role": "deployment", "prefect.resource.name": "daily"}
_RUN = "event.resource.id | replace('prefect.flow-run.', '')"
_DEPLOYMENT = "(event.related | selectattr('role', 'equalto', 'deployment') | first).name"


def install(dispatcher: str, late: timedelta = LATE, silent: timedelta = SILENT) -> None:
    """Create or renew every automation, and remove Throng's obsolete ones; idempotent.

    One that somebody switched off stays off.
    """
    with get_client(sync_client=True) as api:
        page = str(api.api_url).rstrip("/").removesuffix("/api")
        known = {found.name: found for found in api.read_automations() if found.name.startswith(PREFIX)}
        for wanted in _automations(_block(dispatcher), page, late, silent):
            before = known.pop(wanted.name, None)
            if before:
                api.update_automation(before.id, wanted.model_copy(update={"enabled": before.enabled}))
            else:
                api.create_automation(wanted)
        for obsolete in known.values():
            api.delete_automation(obsolete.id)


def _block(dispatcher: str) -> UUID:
    """The dispatcher's address, known to the server only, as a Prefect secret."""
    block = Webhook(url=SecretStr(dispatcher))
    return cast(UUID, block.save(BLOCK, overwrite=True))  # awaitable only where a loop runs


def _automations(block: UUID, page: str, late: timedelta, silent: timedelta) -> Iterator[AutomationCore]:
    link = f"{json.dumps(f'Open {page}{FLOW_RUN}')} ~ ({_RUN})"

    def call(trigger: EventTrigger, name: str, payload: str) -> AutomationCore:
        action = CallWebhook(block_document_id=block, payload=payload)
        return AutomationCore(name=f"{PREFIX}{name}", trigger=trigger, actions=[action], enabled=True)

    yield call(
        EventTrigger(expect={"throng.*"}, posture=Posture.Reactive, threshold=1),
        "what the day's run found",
        "{{ event.payload | tojson }}",
    )
    ended = _alert(AlertKind.RUN_FAILED, "'A run ended as ' ~ event.resource['prefect.state-name'] ~ '.'", link)
    yield call(_failed(_OURS, **{"prefect.state-name": _NOT_BY_ITSELF}), "a run failed or crashed", ended)
    killed = {"prefect.state-type": "CRASHED", "prefect.state-message": COMMAND_KILLED.message}
    yield call(_failed({}, **killed), "a command was killed", ended)
    yield call(_late(late), "a run is late", _alert(RUN_LATE, "'A run still waits for a worker.'", link))
    yield call(_silent(silent), "no daily run", _SILENT_ALERT)


def _failed(related: dict[str, Any], **state: Any) -> EventTrigger:
    return EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*", **state},
        match_related=related,
        expect={"prefect.flow-run.*"},
        posture=Posture.Reactive,
        threshold=1,
    )


def _late(late: timedelta) -> EventTrigger:
    """Late, and in no other state within the time: no worker. A backfill may wait for an earlier one."""
    return EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=_DAILY,
        after={"prefect.flow-run.Late"},
        expect={f"prefect.flow-run.{name}" for name in ("Pending", "Running", "Cancelled", "Crashed")},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=late,
    )


def _silent(silent: timedelta) -> EventTrigger:
    return EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": "!SCHEDULED"},
        match_related=_DAILY,
        expect={"prefect.flow-run.*"},
        posture=Posture.Proactive,
        threshold=1,
        within=silent,
    )


def _alert(kind: str, what: str, action: str) -> str:
    """A run's alert from template expressions: names only, never the state's message, which anybody may write.

    Every `daily` is the same subject, so that an hourly schedule raises one alert a day.
    """
    subject = f"'daily' if {_DEPLOYMENT} == 'daily' else event.resource.name"
    fields = {"kind": json.dumps(kind), "subject": subject, "what": what, "action": action}
    return f"{{{{ {{{', '.join(f'{name!r}: {value}' for name, value in fields.items())}}} | tojson }}}}"


_SILENT_ALERT = json.dumps(
    {
        "kind": SCHEDULE_SILENT,
        "subject": "daily",
        "what": f"Nothing was heard of any daily run for {SILENT // timedelta(hours=1)} hours.",
        "action": "Look at the deployment daily: is its schedule on, does a worker run? Restart `throng serve`.",
    }
)
