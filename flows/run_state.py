"""How a flow run ends: in a state named after what happened, with the reference or the refusal inside."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, SyncClientContext
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows import artifacts
from flows.alerting.events import emit_alerts
from flows.messages import OUTCOME_TEXT, Reference
from flows.serving.process_identity import this_process
from tasks.alerts import NOT_ALERTED, failure
from tasks.errors import RefusedDelivery, RefusedRelease, RejectedInput, ThrongError
from tasks.refs import Outcome
from tasks.step import sanitised


async def run_verb(
    verb: str, tags: list[str], call: Callable[[], Reference], cards: Callable[[], None]
) -> State[Reference]:
    """Run a verb inside its flow run, put its cards on the page, and say how it ended; errors leave scrubbed.

    The verb runs in a thread, so that other flow runs of this process go on beside it.
    """
    return await asyncio.to_thread(_to_state, verb, tags, call, cards)


def _to_state(verb: str, tags: list[str], call: Callable[[], Reference], cards: Callable[[], None]) -> State[Reference]:
    with SyncClientContext.get_or_create():  # shared by tasks and cards: each new client costs a TLS context
        tag(tags)
        try:
            reference = sanitised(verb, call)
        except ThrongError as error:
            if isinstance(error, RejectedInput):  # the catalog knows more of it
                show_artifacts(cards)
            subject = " ".join([verb, *(word.partition(":")[2] for word in tags)])
            show_artifacts(partial(alert_failure, subject, error))
            return refused(error)
        show_artifacts(cards)
    return Completed(name=reference.outcome.value, message=OUTCOME_TEXT[reference.outcome], data=reference)


def alert_failure(subject: str, error: ThrongError) -> None:
    """Alert at once where no run of many steps will: it puts together what failed, and says it when it ends."""
    context = FlowRunContext.get()
    alone = context and context.flow_run and context.flow_run.parent_task_run_id is None
    if alone and error.exit_code not in NOT_ALERTED:
        emit_alerts([failure(subject, error)])


def refused(error: ThrongError) -> State[Any]:
    """A failed run's state, and the card that says what to do."""
    show_artifacts(partial(artifacts.of_fault, error))
    named = Outcome.REFUSED.value if isinstance(error, RefusedRelease | RefusedDelivery) else type(error).__name__
    return Failed(name=named, message=str(error), data=error)


def show_artifacts(cards: Callable[[], None]) -> None:
    """Put cards on the page; a missing card is logged and does not fail the run."""
    try:
        sanitised("artifacts", cards)
    except ThrongError as error:
        get_run_logger().warning(str(error))


def tag(tags: list[str]) -> None:
    """Tag the running flow run itself, however it was started; one without a worker says which process it is."""
    context = FlowRunContext.get()
    if context and context.flow_run:
        run = context.flow_run
        process = None if run.deployment_id else this_process()
        with get_client(sync_client=True) as api:
            api.update_flow_run(run.id, tags=sorted({*run.tags, *tags}), infrastructure_pid=process)
        logging.getLogger("prefect.flow_runs").addFilter(_no_cancelled_end)


def _no_cancelled_end(record: logging.LogRecord) -> bool:
    """Prefect logs the end of a run that is being cancelled as an error; that it was cancelled is a line before."""
    return not record.getMessage().startswith(("Finished in state Running(", "Finished in state Cancelled("))
