"""Key columns that several products share."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.demographics import AGE_BANDS, GENDERS
from tasks.products.spec import Dimension, PublicContext
from tasks.quantity import Split

SLOT_HOURS = 3
DAY_PARTS = {"night": 0, "morning": 6, "midday": 10, "afternoon": 15, "evening": 19}
"""Each part of the local day, and the hour in which it begins; it ends where the next one begins."""

ZONE = Dimension("zone_id", pa.string(), "The zone.", lambda public: public.zones.zone_ids, granted_by="zone")
DISTRICT = Dimension(
    "district_id", pa.string(), "The district.", lambda public: public.zones.districts, granted_by="district"
)
HOUR_START = Dimension("hour_start", pa.timestamp("s", "UTC"), "When the hour begins.", lambda public: public.hours)
SLOT_START = Dimension(
    "slot_start",
    pa.timestamp("s", "UTC"),
    "When the slot of three local hours begins.",
    lambda public: tuple(public.hours[hour] for hour in slot_starts(public)),
)
DAY_PART = Dimension(
    "day_part",
    pa.string(),
    "Part of the local day: night 0-6, morning 6-10, midday 10-15, afternoon 15-19, evening 19-24.",
    lambda public: tuple(DAY_PARTS),
    split=Split.DAY_PART,
)
AGE_BAND = Dimension(
    "age_band",
    pa.string(),
    "Year of the period minus year of birth; 18-24 holds only those above the minimum age.",
    lambda public: AGE_BANDS,
    split=Split.AGE_BAND,
)
GENDER = Dimension(
    "gender",
    pa.string(),
    "f or m. Persons of another gender, or of none stated, count in every sum and have no rows of their own.",
    lambda public: GENDERS,
    hidden=frozenset("x"),
    split=Split.GENDER,
)
DEMOGRAPHICS = len(AGE_BANDS) * len(GENDERS)
"""Combinations of age band and gender."""


def demographics(eligible: pa.Table) -> npt.NDArray[np.int64]:
    """Each person's combination of age band and gender, as an index."""
    ages, genders = (eligible[name].to_numpy().astype(np.int64) for name in ("age_band", "gender"))
    combined: npt.NDArray[np.int64] = ages * len(GENDERS) + genders
    return combined


def day_parts(public: PublicContext) -> npt.NDArray[np.int64]:
    """The part of the day of each hour of the period, as an index; hours that the clock repeats have the same part."""
    local = [hour.astimezone(public.timezone).hour for hour in public.hours]
    parts: npt.NDArray[np.int64] = np.searchsorted(list(DAY_PARTS.values()), local, side="right").astype(np.int64) - 1
    return parts


def slot_starts(public: PublicContext) -> npt.NDArray[np.int64]:
    """The first hour of each slot of three local hours, as an index; where clocks change, one has two or four."""
    local = [hour.astimezone(public.timezone) for hour in public.hours]
    slots = np.array([hour.toordinal() * 24 // SLOT_HOURS + hour.hour // SLOT_HOURS for hour in local])
    starts: npt.NDArray[np.int64] = np.unique(slots, return_index=True)[1].astype(np.int64)
    return starts
