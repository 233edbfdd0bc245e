"""Flow: one network-local day from the landing folder into the lake."""

from datetime import date

from prefect import flow
from prefect.client.schemas.objects import State

from flows import artifacts, entrypoints
from flows.messages import Reference
from flows.run_state import run_verb


@flow(name="ingest", flow_run_name="ingest {day}", persist_result=False)
async def ingest(
    day: date, override: tuple[str, ...] = (), reason_id: int | None = None, again: bool = False
) -> State[Reference]:
    """Bring a day into the lake; the reason for overridden gate rules is named by its audit entry.

    `again`: also where its landing was ingested before, because the lake has lost files of it.
    """
    return await run_verb(
        "ingest",
        [f"period:{day}"],
        lambda: entrypoints.ingest(day, override, reason_id, again),
        lambda: artifacts.of_day(day),
    )
