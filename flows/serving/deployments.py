"""What Prefect runs, as code: a work pool with two queues, and a deployment in each; applied again, nothing changes."""

import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.processutils import command_to_string

from flows.alerting.automations import install
from flows.backfill import backfill
from flows.daily import daily
from flows.expire import expire
from flows.serving.managed_process import die_with_parent
from flows.serving.server_config import ALERT_ADDRESS, POOL, QUEUES
from tasks.events.landing import closes

if TYPE_CHECKING:
    from tasks.policy import Calendar

BACKFILLS_AT_ONCE = 1
"""Each backfill is itself parallel; together they must leave capacity for today's delivery."""

MARGIN_MINUTES = 5
"""After a landing folder closes, so that its last file is not missed by a second."""

NIGHTLY = "30 4 * * *"
"""Cron of `expire` in UTC: once a day."""


def hourly(time: "Calendar", today: date) -> str:
    """Cron of `daily` in UTC: hourly, five minutes after a landing folder may close, in the coming year.

    A local schedule would skip or repeat an hour when clocks change. Where clocks change by half an hour, folders close
    at two different minutes in a year, so there are two slots an hour.
    """
    margin = timedelta(minutes=MARGIN_MINUTES)
    closings = (closes(today + timedelta(days), time) for days in range(366))
    minutes = sorted({(closing.astimezone(UTC) + margin).minute for closing in closings})
    return f"{','.join(map(str, minutes))} * * * *"


def apply() -> str:
    """Bring pool, queues and deployments to what this file says; returns them in a sentence."""
    from tasks.policy_file import load as policy
    from tasks.settings import load

    time = policy(load().policy).policy.time
    with get_client(sync_client=True) as api:
        _pool(api)
        _queues(api)
        cron = hourly(time, datetime.now(UTC).date())
        _deploy(api, daily, "daily", schedule=Cron(cron, timezone="UTC"), concurrency_limit=_ONE_AND_NO_QUEUE)
        _deploy(api, backfill, "backfill")
        nightly = Cron(NIGHTLY, timezone="UTC")
        _deploy(api, expire, "daily", schedule=nightly, concurrency_limit=_ONE_AND_NO_QUEUE)
    return f"daily (cron {cron}, UTC), backfill, expire (cron {NIGHTLY}, UTC)"


_ONE_AND_NO_QUEUE = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def _pool(api: SyncPrefectClient) -> None:
    """A pool of processes that run where `throng serve` was started, as commands do: `.env` and paths are the same."""
    api.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=job_template()), overwrite=True)


def job_template() -> dict[str, Any]:
    """Fix command and folder here: a request for a run chooses parameters only.

    A flow run ends with its worker: no other process reports its end. The run reaper then closes it.
    """
    command = command_to_string(die_with_parent([sys.executable, "-m", "flows.serving.engine"]))
    return {
        # no `env`: Prefect would merge a run's own into it
        "job_configuration": {"command": command, "working_dir": str(Path.cwd())},
        "variables": {"type": "object", "properties": {}, "additionalProperties": False},
    }


def _queues(api: SyncPrefectClient) -> None:
    known = {queue.name: queue for queue in api.read_work_queues(work_pool_name=POOL)}
    for name, priority in QUEUES.items():
        limit = BACKFILLS_AT_ONCE if name == "backfill" else None
        if name not in known:
            known[name] = api.create_work_queue(name, work_pool_name=POOL, priority=priority)
        api.update_work_queue(known[name].id, priority=priority, concurrency_limit=limit)


def _deploy(api: SyncPrefectClient, flow: Flow[..., Any], queue: str, **words: Any) -> None:
    """Apply a deployment by its flow's dotted name; one that was paused by hand stays paused."""
    RunnerDeployment.from_flow(
        flow,
        name=flow.name,
        paused=_paused(api, flow.name),
        work_pool_name=POOL,
        work_queue_name=queue,
        entrypoint_type=EntrypointType.MODULE_PATH,
        **words,
    ).apply()


def _paused(api: SyncPrefectClient, name: str) -> bool:
    try:
        return bool(api.read_deployment_by_name(f"{name}/{name}").paused)
    except ObjectNotFound:
        return False


if __name__ == "__main__":
    install(os.environ[ALERT_ADDRESS])
    print(apply())
