"""How near a client's numbers are to the simulated truth."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Score:
    """A delivery's rows, what share of its zone-hours is published, and their median relative error."""

    rows: int
    published: float
    median_error: float


def score(delivered: Path, truth: Path) -> Score:
    """Compare the zone-hours of a delivered data.parquet with where the counted persons really were."""
    whole = pq.read_table(delivered)
    rows = whole.filter(pc.equal(whole["level"], "zone_hour")).select(["zone_id", "hour_start", "panel_value"])
    rows = rows.set_column(1, "hour_start", rows["hour_start"].cast(pa.timestamp("us", "UTC")))
    shown = rows.filter(pc.is_valid(rows["panel_value"]))
    both = shown.join(_persons(truth), ["zone_id", "hour_start"], join_type="inner").to_pydict()
    errors = [abs(seen / real - 1) for seen, real in zip(both["panel_value"], both["persons"], strict=True)]
    return Score(whole.num_rows, shown.num_rows / rows.num_rows, median(errors))


def _persons(truth: Path) -> pa.Table:
    """Counted persons by zone and hour, from truth/homes.parquet and truth/presence/."""
    homes = pq.read_table(truth / "homes.parquet", columns=["subscriber_id", "counted"])
    counted = homes.filter(homes["counted"])["subscriber_id"].cast(pa.string())
    presence = pq.read_table(truth / "presence", columns=["subscriber_id", "hour_start", "zone_id"])
    here = presence.filter(pc.is_in(presence["subscriber_id"].cast(pa.string()), counted))
    here = here.set_column(2, "zone_id", here["zone_id"].cast(pa.string()))
    hours = here["hour_start"].cast(pa.timestamp("us", "UTC"))
    totals = here.set_column(1, "hour_start", hours).group_by(["zone_id", "hour_start"]).aggregate([([], "count_all")])
    return totals.rename_columns({"count_all": "persons"})
