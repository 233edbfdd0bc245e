"""What Prefect's pages show, asked of its API."""

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterTags,
)


def runs_of(tag: str) -> list[Any]:
    with get_client(sync_client=True) as api:
        return list(api.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[tag]))))


def parent_of(run: Any) -> Any:
    with get_client(sync_client=True) as api:
        above = api.read_task_run(run.parent_task_run_id)
        assert above.flow_run_id
        return api.read_flow_run(above.flow_run_id)


def artifacts_of(run: Any) -> list[Any]:
    with get_client(sync_client=True) as api:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        return list(api.read_artifacts(artifact_filter=wanted))
