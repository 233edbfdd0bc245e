"""Key columns that several products share."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.products.spec import Dimension

AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS = ("f", "m", "x")

ZONE = Dimension("zone_id", pa.string(), "The zone.", lambda public: public.zones.zone_ids, granted_by="zone")
DISTRICT = Dimension(
    "district_id", pa.string(), "The district.", lambda public: public.zones.districts, granted_by="district"
)
HOUR_START = Dimension("hour_start", pa.timestamp("s", "UTC"), "When the hour begins.", lambda public: public.hours)
AGE_BAND = Dimension(
    "age_band",
    pa.string(),
    "Year of the period minus year of birth; 18-24 holds only those above the minimum age.",
    lambda public: AGE_BANDS,
)
GENDER = Dimension(
    "gender",
    pa.string(),
    "f or m. Persons of another gender, or of none stated, count in every sum and have no rows of their own.",
    lambda public: GENDERS,
    hidden=frozenset("x"),
)
DEMOGRAPHICS = len(AGE_BANDS) * len(GENDERS)
"""Combinations of age band and gender."""


def demographics(eligible: pa.Table) -> npt.NDArray[np.int64]:
    """Each person's combination of age band and gender, as an index."""
    ages, genders = (eligible[name].to_numpy().astype(np.int64) for name in ("age_band", "gender"))
    combined: npt.NDArray[np.int64] = ages * len(GENDERS) + genders
    return combined
