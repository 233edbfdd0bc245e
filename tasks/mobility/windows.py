"""The windows by which detection is judged, what they can show, and how counts of them are packed."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tasks.mobility.day import HOUR, Int64

Reals = NDArray[np.float64]

EDGES = (5, 15, 30, 60, 120, 240, 480)
"""Minutes at which a class of found lengths ends and the next one begins."""
CLASSES = (*pairwise(EDGES[1:]), (EDGES[-1], 720))
"""The least and the most minutes of windows by day."""
NAMES = (*(f"{low}-{high}" for low, high in CLASSES[:-1]), f"{CLASSES[-1][0]}+")
WINDOWS = (*NAMES, "night", "afternoon", "evening", "both", "any", "hour")
"""Windows by day; from midnight, and from afternoon and evening to midnight; those from and to midnight both shown, or
any of them and the longest one by day; hours of presence.

Each has TIMES variants, which count alike.
"""
NIGHT, AFTERNOON, EVENING, BOTH, ANY, PRESENT = range(len(CLASSES), len(WINDOWS))
MISSED, BEFORE, SHORTEST, OVERNIGHT, FOUND = 0, 1, 2, 3 + len(EDGES), 4 + len(EDGES)
"""What a window shows: no stay; one since before midnight; by length; one that goes on; or that it shows something."""
TIMES, BITS = 4, 4
"""A row has the counts of a window as one integer, with BITS for each of what it can show."""
PRESENT_AT = tuple(HOUR * hour for hour in (3, 9, 15, 21))
"""When the hours of presence begin."""
FROM, UNTIL = 7 * HOUR, 22 * HOUR
"""The day of windows by length."""
NIGHT_ENDS, NIGHT_STEP = 6 * HOUR, 2 * HOUR
"""When the shortest night ends, and by how much each other one is longer."""
TO_MIDNIGHT, LATER = (15 * HOUR, 19 * HOUR), HOUR
"""When the longest window from afternoon and from evening begins, and by how much each other one begins later."""
IN_ZONE = 240
"""Seconds that a person is in the zone before and after a stay: half of a zone 2.7 km wide, at 20 km/h."""
STEP = 3
"""Variants of a window begin in another order than their lengths grow."""


def windows(day_seconds: int) -> Int64:
    """[window that shows a stay, variant, (begin, end)] in seconds of a day."""
    number = np.arange(float(TIMES))
    times: list[tuple[Reals, Reals]] = [_by_length(60 * low, 60 * high, number) for low, high in CLASSES]
    times += [(np.zeros(TIMES), NIGHT_ENDS + NIGHT_STEP * number + IN_ZONE)]
    times += [(begin + LATER * number - IN_ZONE, np.full(TIMES, float(day_seconds))) for begin in TO_MIDNIGHT]
    return np.stack([np.stack(each, axis=1) for each in times]).astype(np.int64)


def _by_length(least: int, most: int, number: Reals) -> tuple[Reals, Reals]:
    """Begin and end of windows whose lengths are even on a logarithmic scale, and whose times are over the day."""
    length = least * (most / least) ** ((number + 0.5) / TIMES) + 2 * IN_ZONE
    begin = FROM + number * STEP % TIMES * (UNTIL - FROM - length) / (TIMES - 1)
    return np.floor(begin), np.floor(begin + length)
