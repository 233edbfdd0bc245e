"""How near a client's numbers are to the simulated truth."""

from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist, mean, median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MEDIAN = NormalDist().inv_cdf(0.75)  # the median of |noise| is this many standard errors


def score(delivered: Path, landing: Path) -> dict[str, float]:
    """Compare delivered zone-hours with where persons really were.

    The published share, the median relative error of counted persons and that of noise alone, the median relative
    error of people, and the share of their intervals that hold the truth.
    """
    rows = pq.ParquetFile(delivered).read()
    shown = rows.filter(pc.is_valid(rows["persons"]))
    merged = _merged(landing)
    value, se, true = _joined(shown, _present(landing / "truth", merged), "persons", "se")
    people, low, high, all_people = _joined(
        shown, _present(landing / "truth" / "census", merged), "people", "people_low", "people_high"
    )
    return {
        "published": shown.num_rows / rows.num_rows,
        "median_error": median(abs(seen / real - 1) for seen, real in zip(value, true, strict=True)),
        "noise_error": median(_MEDIAN * wide / seen for seen, wide in zip(value, se, strict=True)),
        "people_error": median(abs(seen / real - 1) for seen, real in zip(people, all_people, strict=True)),
        "people_in_interval": mean(a <= real <= b for a, real, b in zip(low, all_people, high, strict=True)),
    }


def _joined(shown: pa.Table, true: pa.Table, *numbers: str) -> list[list[float]]:
    """Numbers of the rows with a true number, and that."""
    both = shown.select(["zone_id", "hour_utc", *numbers]).join(true, ["zone_id", "hour_utc"], join_type="inner")
    return [both[name].to_pylist() for name in (*numbers, "true")]


def _present(truth: Path, merged: Mapping[str, str]) -> pa.Table:
    """Counted persons by zone and hour, from homes.parquet and presence/ of the panel or of a census."""
    homes = pq.read_table(truth / "homes.parquet", columns=["subscriber_id", "counted"])
    counted = homes.filter(homes["counted"])["subscriber_id"].cast(pa.string())
    presence = pq.read_table(truth / "presence", columns=["subscriber_id", "hour_start", "zone_id"])
    here = presence.filter(pc.is_in(presence["subscriber_id"].cast(pa.string()), counted))
    places = {
        "zone_id": _published_zones(here["zone_id"].cast(pa.string()), merged),
        "hour_utc": here["hour_start"].cast(pa.timestamp("us", "UTC")),
    }
    totals = pa.table(places).group_by(list(places)).aggregate([([], "count_all")])
    return totals.rename_columns({"count_all": "true"})


def _merged(landing: Path) -> Mapping[str, str]:
    from tasks.mobility.plans import load_zone_plan
    from tasks.policy_file import load

    return load_zone_plan(landing, load().policy.time).merged


def _published_zones(zones: pa.ChunkedArray, merged: Mapping[str, str]) -> pa.ChunkedArray:
    """A sensitive zone's persons are counted in the zone that took it."""
    for sensitive, taker in merged.items():
        zones = pc.if_else(pc.equal(zones, sensitive), taker, zones)
    return zones
