"""Verbs and plans without flow runs: each step runs in this process."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from flows import entrypoints
from flows.executor import parameters
from flows.jobs import Job, backfill_job, daily_job
from flows.messages import Reference
from flows.reconcile import Report, reconcile
from tasks.plan.states import Step


async def run_inline(step: Step) -> Reference:
    """Run a step in a thread."""
    return await asyncio.to_thread(partial(getattr(entrypoints, step.verb), **parameters(step)))


def run_job(job: Job) -> Report:
    """Plan and run a job."""
    return asyncio.run(reconcile(job, run_inline))


def run(verb: str, words: Mapping[str, Any]) -> Reference | Report:
    """Run a verb, or a job over many periods."""
    if verb == "daily":
        return run_job(daily_job(**words))
    if verb == "backfill":
        return run_job(backfill_job(**words))
    return getattr(entrypoints, verb)(**words)  # type: ignore[no-any-return]
