"""How near a client's numbers are to the simulated truth."""

from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist, median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MEDIAN = NormalDist().inv_cdf(0.75)  # the median of |noise| is this many standard errors


def score(delivered: Path, landing: Path) -> dict[str, float]:
    """Compare delivered zone-hours with where the counted persons really were.

    The published share, the median relative error, and that of noise alone.
    """
    rows = pq.ParquetFile(delivered).read(["zone_id", "hour_utc", "persons", "se"])
    shown = rows.filter(pc.is_valid(rows["persons"]))
    both = shown.join(_persons(landing), ["zone_id", "hour_utc"], join_type="inner").to_pydict()
    value, se, true = both["persons"], both["se"], both["true_persons"]
    error = median(abs(seen / real - 1) for seen, real in zip(value, true, strict=True))
    noise = median(_MEDIAN * wide / seen for seen, wide in zip(value, se, strict=True))
    return {"published": shown.num_rows / rows.num_rows, "median_error": error, "noise_error": noise}


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
        "hour_utc": here["hour_start"].cast(pa.timestamp("us", "UTC")),
    }
    totals = pa.table(places).group_by(list(places)).aggregate([([], "count_all")])
    return totals.rename_columns({"count_all": "true_persons"})


def _published_zones(zones: pa.ChunkedArray, merged: Mapping[str, str]) -> pa.ChunkedArray:
    """A sensitive zone's persons are counted in the zone that took it."""
    for sensitive, taker in merged.items():
        zones = pc.if_else(pc.equal(zones, sensitive), taker, zones)
    return zones
