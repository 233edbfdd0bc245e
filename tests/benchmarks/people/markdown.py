"""Rows of the tables of people."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tests.benchmarks.accuracy.cells import Bools, Floats
from tests.benchmarks.people.figures import Figures
from tests.benchmarks.people.floor import median_error, spreads

SIZES = (30, 100, 300, 1_000, 1_000_000_000)
NONE = "–"
HEAD = [
    "| city | noise | panel persons | cells | figures | panel: bias | median | floor | 95th | in interval |"
    " people: bias | median | floor | 95th | in interval |",
    f"|---|---|---:|---:|---|{'---:|' * 10}",
]


def rows(city: str, noise: str, name: str, of: Figures) -> Iterator[str]:
    """One row a size."""
    for low, high in pairwise(SIZES):
        some = of.only((of.panel >= low) & (of.panel < high))
        if len(some.panel):
            size = f"{low:,} to {high - 1:,}" if high < SIZES[-1] else f"{low:,} and more"
            yield f"| {city} | {noise} | {size} | {len(some.panel):,} | {name} | {_both(some, noise)} |"


def _both(of: Figures, noise: str) -> str:
    se = of.se * (noise != "none")
    in_there = (of.there_low <= of.panel) & (of.panel <= of.there_high)
    in_people = (of.estimate_low <= of.people) & (of.people <= of.estimate_high)
    there = _errors(of.there, of.panel, spreads(of.panel, None, se), in_there)
    return f"{there} | {_errors(of.estimate, of.people, spreads(of.panel, of.people, se), in_people)}"


def _errors(values: Floats, true: Floats, spread: Floats, inside: Bools) -> str:
    """Bias of the sum; median, floor and 95th percentile of the relative error; share of intervals with the truth."""
    known = np.isfinite(values)
    if not known.any():
        return " | ".join([NONE] * 5)
    errors = abs(values / true - 1)[known]
    bias, (middle, most) = values[known].sum() / true[known].sum() - 1, np.percentile(errors, [50, 95])
    floor = median_error(spread[known])
    return f"{bias:+.1%} | {middle:.1%} | {floor:.1%} | {most:.1%} | {inside[known].mean():.1%}"
