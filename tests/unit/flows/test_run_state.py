"""A flow run ends in a state named after what happened; the command line gets the reference or the refusal."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import Misconfigured, RefusedDelivery, RefusedRelease, RejectedInput, StepFailed, ThrongError
from tasks.refs import DayRef, Outcome

DAY = date(2026, 3, 1)
CANARY = "4915155500001"


def _ended(call: Callable[[], DayRef], cards: Callable[[], None] = lambda: None) -> Any:
    from prefect import flow

    from flows.run_state import run_verb

    @flow(name="sorting", persist_result=False)
    async def sorting() -> Any:
        return await run_verb("sorting", ["product:footfall", "period:2026-03-01"], call, cards)

    async def ended() -> Any:
        return await sorting(return_state=True)

    return asyncio.run(ended())


def _raising(error: Exception) -> Callable[[], DayRef]:
    def call() -> DayRef:
        raise error

    return call


def _artifacts(state: Any) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as api:
        return api.read_artifacts(artifact_filter=wanted)


def test_the_log_says_where_a_runs_cards_are(prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("flows.artifacts.log_to_run", said.append)
    _ended(_raising(RefusedRelease("There is no budget.", "Wait.")))
    assert said == ["Why, and what to do. On this run's page, tab Artifacts."]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.REFUSED])
def test_a_run_that_did_its_work_or_had_none_says_so(prefect_stores: list[Path], outcome: Outcome) -> None:
    from prefect.client.orchestration import get_client

    state = _ended(lambda: DayRef(DAY, 1, outcome, 10, 7))
    assert (state.name, state.is_completed(), state.result().outcome) == (outcome.value, True, outcome)
    with get_client(sync_client=True) as api:
        assert set(api.read_flow_run(state.state_details.flow_run_id).tags) == {"product:footfall", "period:2026-03-01"}


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (RefusedRelease, "Refused"),
        (RefusedDelivery, "Refused"),
        (RejectedInput, "RejectedInput"),
        (Misconfigured, "Misconfigured"),
    ],
)
def test_a_refusal_is_a_failed_run_that_says_what_to_do(
    prefect_stores: list[Path], fault: type[ThrongError], name: str
) -> None:
    state = _ended(_raising(fault("It is over the cap.", "Wait for April.")))
    assert (state.name, state.is_failed()) == (name, True)
    assert state.message == "It is over the cap. Wait for April."
    assert isinstance(state.result(raise_on_failure=False), fault)
    assert "**What to do:** Wait for April." in _artifacts(state)[0].data


def test_a_rejected_day_shows_what_the_catalog_knows_of_it(prefect_stores: list[Path]) -> None:
    shown: list[str] = []
    _ended(_raising(RejectedInput("Too few rows.", "Send the rest.")), lambda: shown.append("gate"))
    _ended(_raising(RefusedRelease("Over.", "Wait.")), lambda: shown.append("release"))
    assert shown == ["gate"]


def test_an_unforeseen_error_of_a_flow_leaves_no_value_anywhere(prefect_stores: list[Path]) -> None:
    state = _ended(_raising(ValueError(CANARY)))
    assert state.name == "StepFailed"
    assert isinstance(state.result(raise_on_failure=False), StepFailed)
    for folder in prefect_stores:
        assert not [f.name for f in folder.rglob("*") if f.is_file() and CANARY.encode() in f.read_bytes()]


def test_a_card_that_fails_decides_nothing_of_the_run(prefect_stores: list[Path]) -> None:
    def broken() -> None:
        raise ValueError(CANARY)

    assert _ended(lambda: DayRef(DAY, 1, Outcome.INGESTED, 10, 7), broken).name == "Ingested"
    refused = _ended(_raising(RejectedInput("Too few rows.", "Send the rest.")), broken)
    assert (refused.name, refused.message) == ("RejectedInput", "Too few rows. Send the rest.")
