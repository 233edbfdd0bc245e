"""Detection: how often the panel's events would show stays of known lengths. Estimates of stays are corrected by it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from tasks.mobility.tables import DETECTION
from tasks.mobility.windows import BITS, EDGES, WINDOWS
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Dimension, Level
from tasks.quantity import Quantity

SHOWN = (
    "missed",
    "before",
    *(f"{low}-{high}" for low, high in pairwise((0, *EDGES))),
    f"{EDGES[-1]}+",
    "overnight",
    "found",
)

WINDOW = Dimension(
    "window",
    pa.string(),
    "A stay of these minutes by day; one until the morning (`night`), or since the `afternoon` or the `evening`; "
    "`both` ends of the day; `any` of these and the longest by day; or an `hour` of the day.",
    lambda public: WINDOWS,
)
SHOWS = Dimension(
    "shows",
    pa.string(),
    "What events show of it: the minutes of a stay; one since `before` midnight, or `overnight`; `found`; or nothing.",
    lambda public: SHOWN,
)
STAYS = Level(
    "windows",
    "Four fixed times a person and window, by what the person's events would show if the person stayed.",
    (WINDOW, SHOWS),
    additive=frozenset({"shows"}),
    quantity=Quantity(
        "windows", "windows", "Windows by what they show, noise included", (450, 360, 540, 55), counts=None
    ),
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count the windows of each person; their number is the same for everybody, so that the bound holds them all."""
    counter = context.weighted_counter(STAYS)
    for rows in context.rows(DETECTION):
        packed = np.stack([rows[name].to_numpy() for name in WINDOWS], axis=1)
        times = (packed[:, :, None] >> BITS * np.arange(len(SHOWN))) & ((1 << BITS) - 1)
        times = times.reshape(len(packed), len(WINDOWS) * len(SHOWN))
        person, key = np.nonzero(times)
        counter.add(rows["pseudonym"].to_numpy()[person], key, times[person, key])
    return (counter.contributions(),)


PRODUCT = DataProduct(
    name="detection",
    version=1,
    cadences=frozenset({Cadence.DAY}),
    levels=(STAYS,),
    audience=Audience.OPERATOR,
    population=OPTED_IN,
    reads=(DETECTION,),
    counts=(count,),
)
