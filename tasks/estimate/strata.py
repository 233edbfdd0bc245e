"""Persons of the panel in each stratum, from noisy counts: what few noisy persons leave open, larger sums tell."""

from collections.abc import Sequence

import numpy as np

from tasks.estimate.raking import Reals, fit, summed

LEAST_SHARE = 0.2
"""Trimming: a stratum's panel is at least this part of what district, age and gender lead to expect."""


def panel_strata(noisy: Reals, variances: Reals, margins: Sequence[Reals]) -> tuple[Reals, Reals, int]:
    """Positive counts [district, age band, gender], their variances, and how many were trimmed.

    Expected are the census residents, fitted to the panel of each district and of each age and gender.
    """
    level = _by_census(noisy, variances, margins)
    if 1 in (len(noisy), noisy[0].size):
        counts, kept, trimmed = _shrunk(noisy, variances, level, 1)
        return counts, kept * variances, trimmed
    sums, relative = [], np.zeros(1)
    for side in ((len(noisy), 1, 1), (1, *noisy.shape[1:])):
        noise = summed(variances, side)
        counts, kept, _ = _shrunk(summed(noisy, side), noise, summed(level, side), 1)
        sums.append(counts * (level.sum() / counts.sum()))
        relative = relative + kept * noise / counts**2
    expected = fit(level, sums)
    counts, kept, trimmed = _shrunk(noisy, variances, expected, len(noisy) + noisy[0].size - 1)
    return fit(counts, sums), kept * variances + np.square((1 - kept) * expected) * relative, trimmed


def _by_census(noisy: Reals, variances: Reals, margins: Sequence[Reals]) -> Reals:
    """The panel if everybody were as likely to be in it; where the census counts nobody, as the panel says."""
    counted = np.all([np.broadcast_to(margin > 0, noisy.shape) for margin in margins], axis=0)
    census = fit(np.full(noisy.shape, float(np.nansum(margins[0])) / noisy.size), margins)
    panel = max(1.0, float(noisy[counted].sum()), float(np.sqrt(variances[counted].sum())))
    level: Reals = np.where(counted, census * (panel / census[counted].sum()), np.maximum(noisy, 1.0))
    return level


def _shrunk(noisy: Reals, variances: Reals, expected: Reals, fitted: int) -> tuple[Reals, Reals, int]:
    """Best linear prediction of counts around what is expected, the part that noise leaves of each, and trimmed ones.

    True counts differ from expected ones by their own chance (Poisson) and by a relative spread common to all, which
    is estimated by moments; `fitted`: numbers that expected ones were fitted with.
    """
    freedom = max(noisy.size - fitted, 1) / noisy.size
    excess = np.square(noisy - expected) / freedom - variances - expected
    own = expected + max(float(excess.sum()), 0.0) / float(np.square(expected).sum()) * np.square(expected)
    kept = own / (own + variances)
    counts, least = expected + kept * (noisy - expected), LEAST_SHARE * expected
    return np.maximum(counts, least), kept, int(np.count_nonzero(counts < least))
