"""A threshold selects noise where true values are small: groups of keys whose shown values are mostly noise."""

import numpy as np
import numpy.typing as npt

from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.normal import below

Mask = npt.NDArray[np.bool_]

CERTAIN = 3.0
"""Standard errors above the threshold at which a shown value is taken for a true one."""
LEAST_TRUE = 0.5
"""Least expected share of true values among a group's shown ones."""


def mostly_noise(values: Reals, se: Reals, threshold: int | Reals, groups: Integers, countable: Mask) -> Mask:
    """Keys of groups in which less than half of the shown values are expected to be truly above the threshold.

    `threshold`: of all keys, or of each. `groups`: each key's group, 0 to G-1; `countable`: keys without a public
    status. The expectation rests on noisy values alone: uncertain keys are taken to have their group's mean, and `se`
    says how many noise lifts over the threshold. Within one standard error of it, they count as true.
    """
    uncertain = countable & (values < threshold + CERTAIN * se)
    number = np.bincount(groups[uncertain], minlength=groups.max(initial=-1) + 1)
    total = np.bincount(groups[uncertain], values[uncertain], number.size)
    mean = np.divide(total, number, out=np.zeros(number.size), where=number > 0)
    distance = (mean[groups] - threshold) / se
    lifted = np.where(uncertain & (distance < -1), below(distance), 0.0)
    shown = np.bincount(groups[countable & (values >= threshold)], minlength=number.size)
    true = shown - np.bincount(groups, lifted, number.size)
    noise: Mask = (true < LEAST_TRUE * shown)[groups]
    return noise
