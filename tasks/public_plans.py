"""Keep what is public of a day's landing in the lake: zone plan, census, confusion matrix and evidence of cells."""

from pathlib import Path

from tasks.errors import UnmatchedCensus
from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.day import Evidence
from tasks.mobility.evidence import evidence_table, plan_evidence, stored_evidence
from tasks.mobility.plans import Plans
from tasks.mobility.population import read_margins
from tasks.mobility.stay_confusion import stay_confusion
from tasks.store.lake import ReleasedLake


def keep_plans(lake: ReleasedLake, landing: Path, plans: Plans) -> tuple[str, ...]:
    """Keep the zone plan and the census; returns what is wrong with a census that does not fit. Raises RejectedInput.

    What is in the lake already is not written again. A census that does not fit stops no event.
    """
    zones = plans.zones
    lake.write_plan(zones.version, zones.geojson())
    try:
        margins = read_margins(landing, zones)
    except UnmatchedCensus as fault:
        return (f"population: {fault} The day is ingested without it.",)
    if margins:
        lake.write_margins(zones.version, margins)
    return ()


def cell_evidence(lake: ReleasedLake, plans: Plans) -> Evidence:
    """The evidence of a day's cells; made once for two plans, with their confusion matrices; again if one is lost."""
    versions = plans.zones.version, plans.cell_version
    kept = lake.evidence(*versions)
    if kept is None:
        found = confusion(Coverage(plans))
        evidence = plan_evidence(plans, found.served)
        stays, kept = stay_confusion(Coverage(plans), evidence), evidence_table(evidence)
        lake.write_confusion(*versions, found.table(plans.zones), stays.table(plans.zones), kept)
    return stored_evidence(kept, len(plans.cells.cell_id))
