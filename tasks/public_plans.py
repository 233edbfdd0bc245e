"""Keep what is public of a day's landing in the lake: zone plan, confusion matrix and census."""

from pathlib import Path

from tasks.errors import UnmatchedCensus
from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.plans import Plans
from tasks.mobility.population import read_margins
from tasks.store.lake import ReleasedLake


def keep_plans(lake: ReleasedLake, landing: Path, plans: Plans) -> tuple[str, ...]:
    """Keep the plans and the census; returns what is wrong with a census that does not fit. Raises RejectedInput.

    What is in the lake already is not written again. A census that does not fit stops no event.
    """
    zones = plans.zones
    lake.write_plan(zones.version, zones.geojson())
    lake.write_confusion(zones.version, plans.cell_version, lambda: confusion(Coverage(plans)).table(zones))
    try:
        margins = read_margins(landing, zones)
    except UnmatchedCensus as fault:
        return (f"population: {fault} The day is ingested without it.",)
    if margins:
        lake.write_margins(zones.version, margins)
    return ()
