"""How near a client's numbers are to the simulated truth."""

from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist, median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MEDIAN = NormalDist().inv_cdf(0.75)  # the median of |noise| is this many standard errors


def score(delivered: Path, landing: Path) -> dict[str, float]:
    """Compare the zone-hours of a delivered data.parquet with where the counted persons really were.

    Its rows; of its zone-hours the published share, the median relative error, and that of noise alone.
    """
    whole = pq.read_table(delivered)
    rows = whole.filter(pc.equal(whole["level"], "zone_hour"))
    rows = rows.select(["zone_id", "hour_start", "panel_value", "panel_se"])
    rows = rows.set_column(1, "hour_start", rows["hour_start"].cast(pa.timestamp("us", "UTC")))
    shown = rows.filter(pc.is_valid(rows["panel_value"]))
    both = shown.join(_persons(landing), ["zone_id", "hour_start"], join_type="inner").to_pydict()
    value, se, persons = both["panel_value"], both["panel_se"], both["persons"]
    error = median(abs(seen / real - 1) for seen, real in zip(value, persons, strict=True))
    noise = median(_MEDIAN * wide / seen for seen, wide in zip(value, se, strict=True))
    published = shown.num_rows / rows.num_rows
    return {"rows": whole.num_rows, "published": published, "median_error": error, "noise_error": noise}


def _persons(landing: Path) -> pa.Table:
    """Counted persons by zone and hour, from truth/homes.parquet and truth/presence/."""
    from tasks.mobility.plans import load_zone_plan
    from tasks.policy_file import load

    homes = pq.read_table(landing / "truth" / "homes.parquet", columns=["subscriber_id", "counted"])
    counted = homes.filter(homes["counted"])["subscriber_id"].cast(pa.string())
    presence = pq.read_table(landing / "truth" / "presence", columns=["subscriber_id", "hour_start", "zone_id"])
    here = presence.filter(pc.is_in(presence["subscriber_id"].cast(pa.string()), counted))
    places = {
        "zone_id": _published_zones(
            here["zone_id"].cast(pa.string()), load_zone_plan(landing, load().policy.time).merged
        ),
        "hour_start": here["hour_start"].cast(pa.timestamp("us", "UTC")),
    }
    totals = pa.table(places).group_by(list(places)).aggregate([([], "count_all")])
    return totals.rename_columns({"count_all": "persons"})


def _published_zones(zones: pa.ChunkedArray, merged: Mapping[str, str]) -> pa.ChunkedArray:
    """A sensitive zone's persons are counted in the zone that took it."""
    for sensitive, taker in merged.items():
        zones = pc.if_else(pc.equal(zones, sensitive), taker, zones)
    return zones
