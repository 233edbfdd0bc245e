"""Two noisy levels that count the same persons are made to agree by least squares, in closed form."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.privacy.bounds import Integers

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hierarchy:
    """Parts [Z, T] and cells [G, T, ...] of the same groups: each group's parts and cells have the same sum."""

    parts: str
    cells: str
    group_of_part: Integers


@dataclass(frozen=True)
class Measured:
    """Estimates and their variances, of one shape."""

    values: Reals
    variances: Reals


def make_consistent(
    parts: Reals, cells: Reals, group_of_part: Integers, part_sd: float, cell_sd: float
) -> tuple[Measured, Measured]:
    """The least-squares estimates of parts [Z, T] and cells [G, T, C] whose sums agree in every group and time.

    With r = sum of parts - sum of cells and R = n a^2 + C b^2, parts move by -a^2 r / R and cells by b^2 r / R;
    variances become a^2 (1 - a^2 / R) and b^2 (1 - b^2 / R). Model: ResidualPlanner, arXiv 2305.08175.
    """
    groups, _, per_group = cells.shape
    part_variance, cell_variance = part_sd**2, cell_sd**2
    total = np.bincount(group_of_part, minlength=groups) * part_variance + per_group * cell_variance
    gap = -cells.sum(axis=2)
    np.add.at(gap, group_of_part, parts)
    share = gap / total[:, None]
    return (
        Measured(
            parts - part_variance * share[group_of_part],
            np.broadcast_to(part_variance * (1 - part_variance / total[group_of_part])[:, None], parts.shape),
        ),
        Measured(
            cells + cell_variance * share[:, :, None],
            np.broadcast_to(cell_variance * (1 - cell_variance / total)[:, None, None], cells.shape),
        ),
    )
