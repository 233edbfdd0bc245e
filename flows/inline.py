"""Verbs and plans without flow runs: each step runs in this process."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from flows import entrypoints
from flows.messages import Reference

if TYPE_CHECKING:
    from flows.jobs import Job
    from flows.reconcile import Report
    from tasks.plan.states import Step


async def run_inline(step: "Step") -> Reference:
    """Run a step in a thread."""
    from flows.executor import parameters  # plans: a verb alone needs none

    return await asyncio.to_thread(partial(getattr(entrypoints, step.verb), **parameters(step)))


def run_job(job: "Job") -> "Report":
    """Plan and run a job."""
    from flows.reconcile import reconcile  # status page and alerts: a verb alone makes none

    return asyncio.run(reconcile(job, run_inline))


def run(verb: str, words: Mapping[str, Any]) -> "Reference | Report":
    """Run a verb, or a job over many periods."""
    if verb in ("daily", "backfill"):
        from flows import jobs  # plans

        return run_job(getattr(jobs, f"{verb}_job")(**words))
    return getattr(entrypoints, verb)(**words)  # type: ignore[no-any-return]
