"""Footfall: persons by zone and local hour, and by district, hour, age band and gender."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from tasks.mobility.zones import ZonePlan
from tasks.privacy.bounds import BoundedCounter, Contributions, LevelRule
from tasks.privacy.consistency import Hierarchy
from tasks.products.catalogue import AGE_BANDS, FOOTFALL, GENDERS

DEMOGRAPHICS = len(AGE_BANDS) * len(GENDERS)
ZONE_HOUR, DISTRICT_HOUR_DEMOGRAPHIC = FOOTFALL.level_names


def count(
    presence: Iterable[pa.Table], allowed: pa.Table, plan: ZonePlan, hours: int, rules: Sequence[LevelRule]
) -> tuple[Contributions, ...]:
    """Sum a day's presence of allowed subscribers over all known keys; each table holds whole subscribers."""
    zones, districts = len(plan.zone_ids), len(plan.districts)
    fine = BoundedCounter(ZONE_HOUR, (zones, hours), rules[0].bound)
    coarse = BoundedCounter(DISTRICT_HOUR_DEMOGRAPHIC, (districts, hours, DEMOGRAPHICS), rules[1].bound)
    members = allowed["pseudonym"].to_numpy()
    cell = allowed["age_band"].to_numpy().astype(np.int64) * len(GENDERS) + allowed["gender"].to_numpy()
    district = np.asarray(plan.district, dtype=np.int64)
    for table in presence:
        person = table["pseudonym"].to_numpy()
        member = positions(members, person)
        counted = member >= 0
        person, member = person[counted], member[counted]
        hour = table["hour"].to_numpy()[counted].astype(np.int64)
        zone = table["zone"].to_numpy()[counted].astype(np.int64)
        fine.add(person, zone * hours + hour)
        coarse.add(person, (district[zone] * hours + hour) * DEMOGRAPHICS + cell[member])
    return fine.contributions(), coarse.contributions()


def positions(sorted_ids: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Where each id stands in the sorted ids, -1 where it does not."""
    if not len(sorted_ids):
        return np.full(len(ids), -1)
    place = np.minimum(np.searchsorted(sorted_ids, ids), len(sorted_ids) - 1)
    return np.where(sorted_ids[place] == ids, place, -1)


def keys(plan: ZonePlan, hours: Sequence[datetime]) -> dict[str, pa.Table]:
    """Every known key of each level, in the flat order of `count`."""
    n, zones, districts = len(hours), len(plan.zone_ids), len(plan.districts)
    starts = pa.array(list(hours), pa.timestamp("s", "UTC"))
    order = np.tile(np.arange(n), zones)
    fine = {
        "zone_id": pa.array(np.repeat(np.array(plan.zone_ids, dtype=object), n), pa.string()),
        "hour": pa.array(order, pa.int8()),
        "hour_start": starts.take(pa.array(order)),
    }
    order = np.tile(np.repeat(np.arange(n), DEMOGRAPHICS), districts)
    bands = np.tile(np.repeat(np.array(AGE_BANDS, dtype=object), len(GENDERS)), districts * n)
    coarse = {
        "district_id": pa.array(np.repeat(np.array(plan.districts, dtype=object), n * DEMOGRAPHICS), pa.string()),
        "hour": pa.array(order, pa.int8()),
        "hour_start": starts.take(pa.array(order)),
        "age_band": pa.array(bands, pa.string()),
        "gender": pa.array(np.tile(np.array(GENDERS, dtype=object), districts * n * len(AGE_BANDS)), pa.string()),
    }
    return {ZONE_HOUR: pa.table(fine), DISTRICT_HOUR_DEMOGRAPHIC: pa.table(coarse)}


def hierarchy(plan: ZonePlan) -> Hierarchy:
    """Both levels add up to the same persons of a district and hour."""
    return Hierarchy(ZONE_HOUR, DISTRICT_HOUR_DEMOGRAPHIC, np.asarray(plan.district, dtype=np.int64))


def known(plan: ZonePlan, covered: np.ndarray, incomplete: np.ndarray) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Statuses from public plans (`covered` bool[zones, hours]) and the noisy profile (`incomplete` bool[hours])."""
    district = np.asarray(plan.district)
    somewhere = np.stack([covered[district == d].any(axis=0) for d in range(len(plan.districts))])
    spread = (len(plan.districts), len(incomplete), DEMOGRAPHICS)
    return {
        ZONE_HOUR: [
            ("no_coverage", ~covered),
            ("incomplete", np.broadcast_to(incomplete, covered.shape)),
        ],
        DISTRICT_HOUR_DEMOGRAPHIC: [
            ("no_coverage", np.broadcast_to(~somewhere[:, :, None], spread)),
            ("incomplete", np.broadcast_to(incomplete[None, :, None], spread)),
        ],
    }
