"""People of a national day: `python -m tests.benchmarks.national`. 3,000 zones, 400 districts, 24 hours, nine models.

Counts are invented; CPU-seconds and peak memory depend on their number alone.
"""

import resource
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.demographics import AGE_BANDS, GENDERS, Margins
from tasks.estimate.people import PeopleEstimator
from tasks.estimate.spec import CountedLevel, Dimensions, Footfall, PublicFacts
from tasks.quantity import CountKind, Split

Reals = NDArray[np.float64]
ZONES, DISTRICTS, HOURS, MODELS = 3_000, 400, 24, 9
REACH = 3
"""Zones lie on a square grid. A cell is heard in zones that are at most this many steps away."""
RANDOM = np.random.default_rng(1)
DISTRICT = (np.arange(ZONES) * DISTRICTS // ZONES).astype(np.int32)
ZONE_IDS = tuple(f"Z{number:05}" for number in range(ZONES))
DISTRICT_IDS = tuple(f"D{number:04}" for number in range(DISTRICTS))
START = datetime(2026, 3, 3, tzinfo=UTC)
TIMES = [START + timedelta(hours=hour) for hour in range(HOURS)]
OF_FOOTFALL: Mapping[str, Dimensions] = {
    "zone_hour": {"zone_id": ZONE_IDS, "hour_start": TIMES},
    "district_hour_demographic": {
        "district_id": DISTRICT_IDS,
        "hour_start": TIMES,
        "age_band": AGE_BANDS,
        "gender": GENDERS,
    },
}

LEVELS = {
    "zone_hour": CountedLevel(
        OF_FOOTFALL["zone_hour"], CountKind.PERSONS, "zones", ("zone_id",), instants="hour_start"
    ),
    "district_hour_demographic": CountedLevel(
        OF_FOOTFALL["district_hour_demographic"],
        CountKind.PERSONS,
        "districts",
        ("district_id",),
        {Split.AGE_BAND: "age_band", Split.GENDER: "gender"},
        "hour_start",
    ),
}


def confusion() -> tuple[Reals, pa.Table]:
    """[assigned zone, true zone] of the first model, and all as stored."""
    place = np.stack(np.divmod(np.arange(ZONES), int(np.sqrt(ZONES))), axis=1).astype(np.float32)
    apart = np.square(place[:, None] - place[None]).sum(axis=2)
    ids, parts, first = pa.array(ZONE_IDS), [], np.empty(0)
    for number, width in enumerate((0.55, 0.6, 0.5, 0.57, 0.53, *[0.55] * (MODELS - 5))):
        share = np.where(apart > REACH**2, 0, np.exp(-apart / (2 * width**2))).astype(np.float64)
        share /= share.sum(axis=0)
        first = share if number == 0 else first
        assigned, true = np.nonzero(share)
        model = pa.array(np.full(len(true), number), pa.int8())
        columns = {"model": model, "assigned_zone": ids.take(pa.array(assigned)), "true_zone": ids.take(pa.array(true))}
        parts.append(pa.table({**columns, "share": share[assigned, true]}))
    return first, pa.concat_tables(parts).combine_chunks()


def released(name: str, values: Reals, se: float) -> pa.Table:
    """A level's rows in draw order."""
    keys = np.meshgrid(*(np.arange(len(each)) for each in OF_FOOTFALL[name].values()), indexing="ij")
    columns = {
        key: pa.array(list(each)).take(pa.array(row.ravel()))
        for (key, each), row in zip(OF_FOOTFALL[name].items(), keys, strict=True)
    }
    noisy = values.ravel() + RANDOM.normal(0, se, values.size)
    return pa.table({"level": pa.repeat(name, values.size), **columns, "value": noisy, "se": np.full(values.size, se)})


def facts(matrix: Reals, home: Reals) -> tuple[pa.Table, Mapping[str, pa.Table]]:
    """A day's footfall, and the census: residents by zone and by district, age band and gender."""
    waves = 1 + 0.25 * np.sin(np.arange(HOURS) / HOURS * 2 * np.pi) * RANDOM.normal(0, 1, (ZONES, 1))
    counts = matrix @ (home[:, None] / 2 * np.clip(waves, 0.2, 2))
    mix = RANDOM.dirichlet(np.full(len(AGE_BANDS) * len(GENDERS), 8), DISTRICTS)
    by_district = np.add.reduceat(counts, np.searchsorted(DISTRICT, np.arange(DISTRICTS)))
    groups = by_district[:, :, None] * mix[:, None]
    levels = zip(OF_FOOTFALL, (counts, groups), (32.0, 64.0), strict=True)
    table = pa.concat_tables([released(*each) for each in levels], promote_options="default").combine_chunks()
    residents = np.bincount(DISTRICT, home)[:, None] * mix
    rows = np.meshgrid(DISTRICT_IDS, AGE_BANDS, GENDERS, indexing="ij")
    names = ("district_id", "age_band", "gender")
    margins = {name: pa.array(row.ravel()) for name, row in zip(names, rows, strict=True)}
    by_zone = pa.table({"zone_id": ZONE_IDS, "residents": home})
    return table, {"margins": pa.table({**margins, "residents": residents.ravel()}), "by_zone": by_zone}


def main() -> None:
    matrix, plan = confusion()
    table, census = facts(matrix, RANDOM.lognormal(8.5, 0.8, ZONES))
    del matrix
    public = PublicFacts(
        levels=LEVELS,
        zone_ids=ZONE_IDS,
        district=DISTRICT,
        districts=DISTRICT_IDS,
        confusion=plan,
        stay_confusion=plan,
        margins=Margins(census["margins"], census["by_zone"]),
        footfall=Footfall(table, OF_FOOTFALL, ZoneInfo("UTC")),
        panel=None,
        closed=True,
    )
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = PeopleEstimator()(table, public)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{found.columns.num_rows:,} rows in {time.process_time() - begun:.1f} CPU-seconds")
    print(f"peak {memory / 2**20:.2f} GB, of which before the estimate {before / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
