"""With a Prefect API every command is a flow run with its page: named, tagged, and explained by its cards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Said, Throng

DAY = "2026-03-03"
pytestmark = pytest.mark.usefixtures("plain_gates")
REASON = "the operator cannot send two of the files again"


@pytest.fixture
def pages(prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """Turns flow runs on; returns what Prefect has since, oldest first: runs with their cards' keys."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    monkeypatch.setenv("PREFECT_API_URL", "the test server's")
    with get_client(sync_client=True) as api:
        before = {run.id for run in api.read_flow_runs()}

    def since() -> list[Any]:
        with get_client(sync_client=True) as api:
            runs = sorted((r for r in api.read_flow_runs() if r.id not in before), key=lambda run: str(run.created))
            cards = [
                api.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id])))
                for run in runs
            ]
        return [
            (run.name, run.state_name, sorted(run.tags), sorted(str(card.key) for card in found))
            for run, found in zip(runs, cards, strict=True)
        ]

    return since


def test_the_main_job_as_flow_runs(throng: Throng, client: Callable[..., Said], pages: Callable[[], list[Any]]) -> None:
    client()
    for words in (["ingest", DAY], ["publish", "footfall", DAY], ["deliver", "nordmarkt", "footfall", DAY]):
        said = throng(*words)
        assert said.code == 0, said.text
    assert throng("ingest", DAY).document["outcome"] == "AlreadyIngested"
    period, product = f"period:{DAY}", "product:footfall"
    day_cards = [f"day-{DAY}", f"row-account-{DAY}"]
    assert pages() == [
        (f"ingest {DAY}", "Ingested", [period], day_cards),
        (f"publish footfall {DAY}", "Published", [period, product], [f"release-footfall-{DAY}"]),
        (
            f"deliver footfall {DAY} to nordmarkt",
            "Delivered",
            ["client:nordmarkt", period, product],
            [f"delivery-nordmarkt-footfall-{DAY}"],
        ),
        (f"ingest {DAY}", "AlreadyIngested", [period], day_cards),
    ]
    assert all(run["page"] for run in throng("runs").document["runs"])


def test_a_rejected_day_is_accepted_with_a_reason_that_prefect_never_sees(
    throng: Throng, pages: Callable[[], list[Any]], prefect_stores: list[Path]
) -> None:
    from tasks.store import open_stores

    for file in sorted((throng.landing / "events" / f"date={DAY}").glob("part-*"))[:2]:
        file.write_bytes(file.read_bytes()[:-1000])
    assert throng("ingest", DAY).code == 10
    said = throng("ingest", DAY, "--override", "rejected_files", "--override", "rows_low", "--reason", REASON)
    assert (said.code, said.document.get("outcome")) == (0, "Ingested"), said.text
    rejected, accepted = pages()
    assert rejected[1:2] == ("RejectedInput",)
    assert "what-to-do" in rejected[3]
    assert accepted[1] == "Ingested"
    assert REASON in [entry.detail for entry in open_stores().audit.entries()]
    stored = [file for folder in prefect_stores for file in folder.rglob("*") if file.is_file()]
    assert not [file.name for file in stored if REASON.encode() in file.read_bytes()]


def test_a_refusal_is_a_run_that_says_what_to_do(throng: Throng, pages: Callable[[], list[Any]]) -> None:
    assert throng("publish", "footfall", DAY).code == 20
    ((name, state, _, cards),) = pages()
    assert (name, state, cards) == (f"publish footfall {DAY}", "Refused", ["what-to-do"])
