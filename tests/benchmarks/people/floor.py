"""The least median error: of noise and panel sampling alone, with everything else known.

A cell of n panel persons among p people, released with a standard error s, is known at best with a relative standard
deviation of sqrt((1 - n / p) / n + (s / n)^2): binomial sampling and noise. Against the panel only s / n remains. The
floor is the median of |error| over cells, each error normal.
"""

import math

import numpy as np

from tests.benchmarks.accuracy.cells import Floats

_ERF = np.vectorize(math.erf)


def spreads(panel: Floats, people: Floats | None, se: Floats) -> Floats:
    """Relative standard deviations; `people` None: against the panel."""
    sampling = np.zeros(len(panel)) if people is None else np.maximum(1 - panel / people, 0) / panel
    return np.asarray(np.sqrt(sampling + np.square(se / panel)))


def median_error(spread: Floats) -> float:
    """The median of |error| over cells whose errors are normal with these standard deviations."""
    low, high = 0.0, 10 * float(spread.max(initial=0))
    for _ in range(60):
        middle = (low + high) / 2
        below = _ERF(middle / np.maximum(spread, 1e-12) / math.sqrt(2)).mean() < 0.5
        low, high = (middle, high) if below else (low, middle)
    return high
