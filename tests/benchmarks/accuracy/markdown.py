"""Rows of an accuracy table: errors by the size of the true number, without noise and under each policy."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from tasks.quantity import Quantity
from tests.benchmarks.accuracy.cells import Cells, Floats

SIZES = (0, 1, 30, 100, 300, 1_000, 3_000, 10_000, 1_000_000_000)
NONE = "–"


def head(policies: Sequence[str]) -> list[str]:
    """The head of a table."""
    names = ["subscribers", "level", "true number", "cells", "no noise: bias", "median", "95th"]
    for policy in policies:
        names += [f"{policy}: bias", "median", "95th", "withheld", "in interval"]
    return [f"| {' | '.join(names)} |", f"|---:|---|---:|{'---:|' * (len(names) - 3)}"]


def rows(subscribers: int, name: str, unit: str, of_policies: Sequence[Cells]) -> Iterator[str]:
    """Rows of a level under each policy; what is without noise is over the cells of the policy that has most."""
    for label, low, high in (*_sizes(), ("all", 0, SIZES[-1])):
        inside = [each.only((each.size >= low) & (each.size < high)) for each in of_policies]
        most = max(inside, key=len)
        if len(most):
            parts = [_errors(most.plain, most.true, unit)]
            parts += [f"{_drawn(each, unit)} | {_shares(each)}" for each in inside]
            yield f"| {subscribers:,} | {name} | {label} | {len(most):,} | {' | '.join(parts)} |"


def unit_of(quantity: Quantity) -> str:
    """Percent of the true number for counts, else the quantity's own unit."""
    return "" if quantity.counts else quantity.unit


def _sizes() -> Iterator[tuple[str, int, int]]:
    for low, high in itertools.pairwise(SIZES):
        label = "0" if not low else f"{low:,} to {high - 1:,}" if high < SIZES[-1] else f"{low:,} and more"
        yield label, low, high


def _errors(values: Floats, true: Floats, unit: str) -> str:
    """Bias, median and 95th percentile of the absolute error; of counts relative ones, of single units theirs."""
    if not len(true):
        return " | ".join([NONE] * 3)
    if unit:
        errors = values - true
        bias, factor, sign = float(errors.mean()), 1.0, f" {unit}"
    elif (true > 0).all():
        errors, factor, sign = values / true - 1, 100.0, " %"
        bias = float(values.sum() / true.sum() - 1)
    else:
        return " | ".join([_total(values, true), NONE, NONE])
    middle, most = np.percentile(abs(errors), [50, 95])
    return f"{factor * bias:+.1f}{sign} | {factor * middle:.1f}{sign} | {factor * most:.1f}{sign}"


def _drawn(of: Cells, unit: str) -> str:
    """Errors of drawn numbers; of computed ones only where they are shown, since too few persons make no median."""
    shown = of.only(of.withheld == 0) if unit else of
    return _errors(shown.noisy, shown.true, unit)


def _total(values: Floats, true: Floats) -> str:
    """The bias of the sum where some true numbers are 0; where all are, the mean value."""
    if true.sum() > 0:
        return f"{100 * (values.sum() / true.sum() - 1):+.1f} %"
    return f"{values.mean():+.2f}"


def _shares(of: Cells) -> str:
    if not len(of):
        return f"{NONE} | {NONE}"
    return f"{100 * of.withheld.mean():.0f} % | {100 * of.covered.mean():.1f} %"
