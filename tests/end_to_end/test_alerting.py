"""From an event or a run's end on a real Prefect server to a webhook and a mailbox, by automations made from code."""

import asyncio
from collections.abc import Awaitable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.serving.terminal_states import COMMAND_KILLED
from tasks.alerts import Alert
from tasks.errors import RejectedInput
from tasks.settings import Settings
from tests.receivers import Received, mailbox, webhook
from tests.unit.alerting.test_dispatcher import until

OVERDUE = Alert("landing_overdue", "2026-03-03", 'The folder "date=2026-03-03" is missing & late.', "Have it sent.")
SECRET = "491700000001"
"""What a message of others may hold."""


@pytest.fixture(scope="module")
def receivers() -> Iterator[tuple[Received, Received]]:
    """The operator's webhook and mailbox."""
    with webhook() as hook, mailbox() as mail:
        yield hook, mail


@pytest.fixture(scope="module")
def told(
    prefect_stores: list[Path], receivers: tuple[Received, Received], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Received]:
    """What the webhook is told, with a teller and automations in place; installed twice, as two starts would."""
    from flows.alerting.automations import PREFIX, install
    from flows.alerting.dispatcher import running_dispatcher

    hook, mail = receivers
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        alerts=f"{hook.url} {mail.url}",
        _env_file=None,
    )
    with running_dispatcher(settings, gather=0.1) as (_, url), _api() as api:
        for _ in range(2):
            install(url, late=timedelta(seconds=10), silent=timedelta(seconds=10))
        ours = [found for found in api.read_automations() if found.name.startswith(PREFIX)]
        assert len({found.name for found in ours}) == len(ours) == 5
        yield hook
        for found in ours:
            api.delete_automation(found.id)


def _api() -> Any:
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)


def _run(deployment: str, kind: str, name: str, of: str = SECRET, called: str | None = None) -> str:
    """A run of a deployment, put into a state; its id."""
    from prefect.client.schemas.objects import State, StateType

    with _api() as api:
        known = api.create_deployment(flow_id=api.create_flow_from_name(deployment), name=deployment)
        run = api.create_flow_run_from_deployment(known, name=called)
        api.set_flow_run_state(run.id, State(type=StateType(kind), name=name, message=of), force=True)
    return str(run.id)


def _alerts(told: Received) -> list[dict[str, str]]:
    return [vars(alert) for alert in told.alerts]


def test_what_does_not_happen_is_told_too_a_run_without_a_worker_and_no_run_at_all(told: Received) -> None:
    late = _run("daily", "SCHEDULED", "Late")
    until(lambda: any(late in alert["action"] for alert in _alerts(told)))
    until(lambda: [alert for alert in _alerts(told) if alert["kind"] == "schedule_silent"])


def test_what_daily_says_arrives_word_for_word(told: Received, receivers: tuple[Received, Received]) -> None:
    from flows.alerting.events import emit_alerts

    emit_alerts([OVERDUE])
    mails = receivers[1].mails
    until(
        lambda: vars(OVERDUE) in _alerts(told) and "Throng: landing_overdue 2026-03-03" in [m["Subject"] for m in mails]
    )
    assert any(OVERDUE.what in text for text in receivers[1].texts)


def test_a_run_that_could_not_end_itself_is_told_with_its_page_and_without_its_message(
    told: Received,
) -> None:
    _run("backfill", "CRASHED", "Interrupted")  # somebody stopped Throng: no news
    _run("backfill", "FAILED", "SomeFailed")  # it has told itself what failed
    _run("another", "FAILED", "Failed")  # not ours
    killed = _run("another", "CRASHED", "Crashed", of=COMMAND_KILLED.message)
    odd = _run("backfill", "FAILED", "Failed", called='Odd", "kind": "<none>')
    run = _run("daily", "CRASHED", "Crashed")
    for known in (killed, odd, run):
        until(partial(_is_told, told, known))
    failed = {alert["action"].rpartition("/")[2]: alert for alert in _alerts(told) if alert["kind"] == "run_failed"}
    assert set(failed) == {killed, odd, run}
    assert failed[odd]["subject"] == 'Odd", "kind": "<none>'
    assert (failed[run]["subject"], failed[run]["what"]) == ("daily", "A run ended as Crashed.")
    assert SECRET not in str(told.calls)


def _is_told(told: Received, run: str) -> bool:
    return any(run in alert["action"] for alert in _alerts(told))


async def _ended(run: Awaitable[Any]) -> Any:
    return await run


def test_a_run_that_failed_is_told_when_it_ends_and_a_step_of_many_with_the_others(told: Received) -> None:
    from prefect import flow

    from flows.run_state import run_verb

    def fails() -> Any:
        raise RejectedInput("part-0.csv is not an event file.", "Send it again.")

    @flow(name="ingest", persist_result=False)
    async def alone(day: str) -> Any:
        return await run_verb("ingest", [f"period:{day}"], fails, lambda: None)

    @flow(name="daily", persist_result=False)
    async def many() -> None:
        await alone("2026-03-07", return_state=True)

    asyncio.run(_ended(alone("2026-03-06", return_state=True)))
    asyncio.run(many())
    until(lambda: "ingest 2026-03-06" in [alert["subject"] for alert in _alerts(told)])
    (alert,) = [alert for alert in _alerts(told) if alert["subject"].startswith("ingest")]
    assert (alert["kind"], alert["what"]) == ("run_failed", "part-0.csv is not an event file.")


def test_prefect_knows_no_address_of_a_receiver(
    told: Received, receivers: tuple[Received, Received], prefect_stores: list[Path]
) -> None:
    kept = b"".join(path.read_bytes() for root in prefect_stores for path in root.rglob("*") if path.is_file())
    assert OVERDUE.subject.encode() in kept
    for address in (*(receiver.url.partition("://")[2] for receiver in receivers), "ops@operator.example"):
        assert address.encode() not in kept


def test_an_automation_that_was_switched_off_stays_off(told: Received) -> None:
    from flows.alerting.automations import PREFIX, install

    with _api() as api:
        (silent,) = [found for found in api.read_automations() if found.name == f"{PREFIX}no daily run"]
        api.pause_automation(silent.id)
        install("http://127.0.0.1:9/elsewhere")
        assert api.read_automation(silent.id).enabled is False
