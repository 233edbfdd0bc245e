"""Residents of a zone plan by population.csv: as weights of zones, and as margins that weights are raked to."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.demographics import AGE_BANDS, GENDERS, MARGIN_KEYS, Margins
from tasks.errors import RejectedInput, UnmatchedCensus, shown
from tasks.events.plan_rules import names
from tasks.mobility.census_file import CORRECT_CENSUS, KEYS, POPULATION, CensusFile, read_census
from tasks.mobility.zones import ZonePlan

TOTALS_DIFFER = 0.01
"""Relative difference of the totals of two margins from which they contradict each other; censuses round."""


UNKNOWN = {
    "zone": (
        UnmatchedCensus,
        f"{POPULATION} has zones that the zone plan does not have",
        CORRECT_CENSUS,
        "population.unknown_zone",
    ),
    "place": (
        UnmatchedCensus,
        f"{POPULATION} has districts that the zone plan does not have",
        CORRECT_CENSUS,
        "population.unknown_district",
    ),
    "age_band": (
        UnmatchedCensus,
        f"{POPULATION} has age bands that are not 18-24, 25-34, 35-44, 45-54, 55-64 or 65+",
        CORRECT_CENSUS,
        "population.unknown_age_band",
    ),
    "gender": (
        UnmatchedCensus,
        f"{POPULATION} has genders that are not f, m or x",
        CORRECT_CENSUS,
        "population.unknown_gender",
    ),
}


def read_margins(landing: Path, zones: ZonePlan) -> Margins | None:
    """The margins of a landing's census; None without one. Raises RejectedInput.

    Raises UnmatchedCensus where a sound file names what the zone plan or the age bands do not have.
    A merged zone has the residents of all its parts.
    """
    census = read_census(landing)
    if census is None:
        return None
    district = _home_districts(zones) if census.by_zone else {name: name for name in zones.districts}
    zone = {zone: zone for zone in zones.zone_ids} | zones.merged
    _check_known(census, district)
    table = census.table
    by_zone = _by_zone(_renamed(table, zone)) if census.by_zone else None
    margins = _sums(_renamed(table, district), KEYS).rename_columns([*MARGIN_KEYS, "residents"])
    _check_totals(margins)
    return Margins(margins, by_zone, census.source, census.as_of)


def residents(landing: Path, zones: ZonePlan) -> NDArray[np.float64] | None:
    """Residents of each zone, of all ages and genders; None if no census counts them by zone. Raises RejectedInput."""
    margins = read_margins(landing, zones)
    if margins is None or margins.by_zone is None:
        return None
    count = dict(zip(*(column.to_pylist() for column in margins.by_zone.columns), strict=True))
    found = np.array([count.get(zone, 0.0) for zone in zones.zone_ids])
    return found if found.sum() else None


def census_sentence(margins: Margins, zones: ZonePlan) -> str:
    """How many residents a census counts, and which districts it leaves out."""
    keys = _margin(margins.table, MARGIN_KEYS)
    counts = np.asarray(margins.table["residents"])[keys == keys.max()]
    told = f"{counts.sum():,.0f} residents, source {margins.source or 'not stated'}, as of {margins.as_of or 'no date'}"
    named = {*margins.table.filter(pc.greater(margins.table["residents"], 0))["district_id"].to_pylist()} - {None}
    lacking = sorted({*zones.districts} - named) if named else []
    return f"{told}. It has nobody in districts {names(lacking)}" if lacking else told


def _home_districts(zones: ZonePlan) -> dict[str, str]:
    """The district of each landed zone."""
    of = {zone: zones.districts[n] for zone, n in zip(zones.zone_ids, zones.district.tolist(), strict=True)}
    return of | {took: of[into] for took, into in zones.merged.items()}


def _check_known(census: CensusFile, places: Collection[str]) -> None:
    """Raise UnmatchedCensus naming what no count is by."""
    known: dict[str, Collection[str]] = {"place": places, "age_band": AGE_BANDS, "gender": GENDERS}
    for column, values in known.items():
        if others := sorted({*census.table[column].unique().drop_null().to_pylist()} - {*values}):
            kind, what, action, code = UNKNOWN["zone" if column == "place" and census.by_zone else column]
            raise kind(f"{what}: {names([shown(each) for each in others])}.", action, code)


def _renamed(table: pa.Table, into: Mapping[str, str]) -> pa.Table:
    """The rows with other names of places."""
    coded = table["place"].combine_chunks().dictionary_encode()
    renamed = pa.array([into[place] for place in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
    return table.set_column(0, "place", renamed)


def _sums(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Residents by these keys, sorted; the rows of all of a key are a group of their own."""
    sums = table.group_by(list(keys), use_threads=False).aggregate([("residents", "sum")])
    return sums.rename_columns([*keys, "residents"]).sort_by([(name, "ascending") for name in keys]).combine_chunks()


def _by_zone(table: pa.Table) -> pa.Table | None:
    """Residents of each zone, by the margin of zones with the fewest keys."""
    zones = table.filter(pc.is_valid(table["place"]))
    if not zones.num_rows:
        return None
    margin = _margin(zones, KEYS[1:])
    return _sums(zones.filter(pa.array(margin == margin.min())), KEYS[:1]).rename_columns(["zone_id", "residents"])


def _margin(table: pa.Table, keys: Sequence[str]) -> NDArray[np.int64]:
    """Which of the keys each row has, as bits."""
    filled = [np.asarray(pc.is_valid(table[name])) for name in keys]
    found: NDArray[np.int64] = np.array([2**n for n in range(len(keys))]) @ np.array(filled)
    return found


def _check_totals(margins: pa.Table) -> None:
    totals = np.bincount(_margin(margins, MARGIN_KEYS), np.asarray(margins["residents"]))
    totals = totals[totals > 0]
    if len(totals) and totals.min() < (1 - TOTALS_DIFFER) * totals.max():
        what = f"{POPULATION}: its parts add up to {totals.min():,.0f} and to {totals.max():,.0f} residents."
        raise RejectedInput(what, CORRECT_CENSUS, "population.totals_differ")
