"""Rows of the tables of people."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from tests.benchmarks.accuracy.cells import Bools, Floats
from tests.benchmarks.people.figures import Figures, joined
from tests.benchmarks.people.floor import median_error, spreads

SIZES = (30, 100, 300, 1_000, 1_000_000_000)
NONE = "–"
HEAD = [
    "| city | noise | panel persons | cells | figures | panel: bias | median | floor | 95th | in interval |"
    " people: bias | median | floor | 95th | in interval |",
    f"|---|---|---:|---:|---|{'---:|' * 10}",
]


SHORT_HEAD = [
    "| product, level | panel persons | cells | bias | median | floor | in interval | worst kind: bias | in interval |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
]


def in_short(section: tuple[str, ...], kinds: Mapping[str, Figures]) -> Iterator[str]:
    """One row a size from 100 on, of people in all kinds of cities."""
    for low, high in pairwise(SIZES[1:]):
        some = [each for each in (_of_size(of, low, high) for of in kinds.values()) if len(each.panel)]
        if some:
            every = [_errors(*_people(of)).split(" | ") for of in (joined(some), *some)]
            bias, middle, floor, _, inside = every[0]
            worst = max((each[0] for each in every[1:]), key=lambda text: abs(float(text.rstrip("%"))))
            least = min((each[4] for each in every[1:]), key=lambda text: float(text.rstrip("%")))
            cells = sum(len(each.panel) for each in some)
            name = f"{section[0]}, `{section[1]}`"
            size = _size(low, high)
            yield f"| {name} | {size} | {cells:,} | {bias} | {middle} | {floor} | {inside} | {worst} | {least} |"


def rows(city: str, noise: str, name: str, of: Figures) -> Iterator[str]:
    """One row a size."""
    for low, high in pairwise(SIZES):
        some = _of_size(of, low, high)
        if len(some.panel):
            yield f"| {city} | {noise} | {_size(low, high)} | {len(some.panel):,} | {name} | {_both(some, noise)} |"


def _of_size(of: Figures, low: int, high: int) -> Figures:
    return of.only((of.panel >= low) & (of.panel < high))


def _size(low: int, high: int) -> str:
    return f"{low:,} to {high - 1:,}" if high < SIZES[-1] else f"{low:,} and more"


def _both(of: Figures, noise: str) -> str:
    se = of.se * (noise != "none")
    in_there = (of.there_low <= of.panel) & (of.panel <= of.there_high)
    there = _errors(of.there, of.panel, spreads(of.panel, None, se), in_there)
    return f"{there} | {_errors(*_people(of, se))}"


def _people(of: Figures, se: Floats | None = None) -> tuple[Floats, Floats, Floats, Bools]:
    inside = (of.estimate_low <= of.people) & (of.people <= of.estimate_high)
    return of.estimate, of.people, spreads(of.panel, of.people, of.se if se is None else se), inside


def _errors(values: Floats, true: Floats, spread: Floats, inside: Bools) -> str:
    """Bias of the sum; median, floor and 95th percentile of the relative error; share of intervals with the truth."""
    known = np.isfinite(values)
    if not known.any():
        return " | ".join([NONE] * 5)
    errors = abs(values / true - 1)[known]
    bias, (middle, most) = values[known].sum() / true[known].sum() - 1, np.percentile(errors, [50, 95])
    floor = median_error(spread[known])
    return f"{bias:+.1%} | {middle:.1%} | {floor:.1%} | {most:.1%} | {inside[known].mean():.1%}"
