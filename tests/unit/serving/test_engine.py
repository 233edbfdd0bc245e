"""A worker starts flow runs by the pool's command: states and exit codes are those of Prefect's own engine."""

import gc
import os
import shlex
import subprocess
import sys
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_URL
from prefect.states import Failed

from flows.fast_exit import NEW_OBJECTS
from flows.serving.deployments import job_template

ENGINE = "flows.serving.engine"


@flow
def failing() -> State[None]:
    return Failed(message=str(gc.get_threshold()[0]))


def _exit_code(module: str, run: object) -> int:
    """Of the engine, started as a worker does."""
    own = {"PREFECT_API_URL": PREFECT_API_URL.value() or "", "PREFECT__FLOW_RUN_ID": str(run)}
    own |= {"PREFECT__FLOW_ENTRYPOINT": f"{__name__}.failing", "PREFECT_LOGGING_TO_API_ENABLED": "false"}
    return subprocess.run([sys.executable, "-m", module], env=os.environ | own, capture_output=True).returncode


def test_the_pools_command_is_ours_and_no_request_chooses_another() -> None:
    template = job_template()
    assert shlex.split(template["job_configuration"]["command"])[-3:] == [sys.executable, "-m", ENGINE]
    assert template["variables"]["properties"] == {}


def test_a_failing_flow_ends_as_failed_with_the_exit_code_of_prefects_own_command(prefect_stores: list[Path]) -> None:
    with get_client(sync_client=True) as api:
        ours, prefects = api.create_flow_run(failing).id, api.create_flow_run(failing).id
        assert _exit_code(ENGINE, ours) == _exit_code("prefect.engine", prefects)
        state = api.read_flow_run(ours).state
    assert state
    assert (state.type, state.message) == (StateType.FAILED, str(NEW_OBJECTS))


def test_a_run_that_cannot_be_identified_is_an_error() -> None:
    assert _exit_code(ENGINE, "none") == 1
