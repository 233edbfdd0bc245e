"""The table of a release: each level's keys, value, standard error, 90 % interval and status."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.interval import Z90
from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.measured import Measured
from tasks.privacy.selection import mostly_noise
from tasks.privacy.shares import shares

ESTIMATE, WITHHELD_SMALL = "estimate", "withheld_small"
RESULTS = ("value", "se", "low", "high", "status")
SHARES = ("share", "share_low", "share_high")
"""Only in releases with a level that has shares."""
UNBIASED = "unbiased"
"""The value before inequalities, for sums over releases; only in releases with a level that has some."""
OWN_COLUMNS = frozenset({"level", *RESULTS, *SHARES, UNBIASED})

KeyStatuses = Sequence[tuple[str, npt.NDArray[np.bool_]]]
"""Statuses from public facts, each with the keys it holds for; the first that holds wins."""


def level_table(
    name: str,
    measured: Measured,
    threshold: int | None,
    keys: pa.Table | None,
    statuses: KeyStatuses,
    groups: Integers | None = None,
    interval: tuple[Reals, Reals] | None = None,
) -> pa.Table:
    """One level; numbers are null where a public status holds. `groups`: see `mostly_noise`; None: one group.

    Small numbers are marked and kept: they are noisy, and sums over days need them. A delivery does not show them.
    `interval`: low and high where they are not symmetric.
    """
    values, se = measured.values.ravel(), np.sqrt(measured.variances.ravel())
    names, code = _status(
        values, se, threshold, statuses, np.zeros(values.size, np.int64) if groups is None else groups
    )
    columns = {"level": pa.repeat(name, values.size)}
    columns |= {key: keys.column(key) for key in keys.column_names} if keys is not None else {}
    low, high = (end.ravel() for end in interval or (values - Z90 * se, values + Z90 * se))
    hidden = ~np.isin(names, [ESTIMATE, WITHHELD_SMALL])[code] | ~np.isfinite(values)
    numbers = {"value": values, "se": se, "low": low, "high": high}
    numbers |= {UNBIASED: measured.unbiased.ravel()} if measured.unbiased is not None else {}
    columns |= {number: pa.array(column, mask=hidden) for number, column in numbers.items()}
    return pa.table(columns | {"status": pa.array(names).take(pa.array(code))})


ShareWithin = Mapping[str, Sequence[str]]
"""By level: the key columns of which equal values share a total."""


def stacked(levels: Iterable[pa.Table], share_within: ShareWithin) -> pa.Table:
    """All levels, one after the other, with the union of their key columns, and shares of those that have them."""
    table = pa.concat_tables((_with_shares(level, share_within) for level in levels), promote_options="default")
    keys = (name for name in table.column_names if name not in OWN_COLUMNS)
    return table.select(
        ["level", *keys, *RESULTS, *(name for name in (*SHARES, UNBIASED) if name in table.column_names)]
    )


def _with_shares(level: pa.Table, share_within: ShareWithin) -> pa.Table:
    """The level with shares of estimates, if it has any; keys without a number are in no total."""
    within = share_within.get(level["level"][0].as_py(), ()) if level.num_rows else ()
    if not within:
        return level
    values, se = (level[name].to_numpy(zero_copy_only=False) for name in ("value", "se"))
    codes = [level[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in within]
    groups = np.unique(np.stack(codes), axis=1, return_inverse=True)[1].ravel().astype(np.int64)
    known = np.isfinite(values)
    share, error = shares(Measured(np.where(known, values, 0), np.where(known, se, 0) ** 2), groups)
    hidden = np.isnan(share) | (level["status"].to_numpy() != ESTIMATE)
    for name, numbers in zip(SHARES, (share, share - Z90 * error, share + Z90 * error), strict=True):
        level = level.append_column(name, pa.array(np.clip(numbers, 0, 1), mask=hidden))
    return level


def _status(
    values: Reals, se: Reals, threshold: int | None, statuses: KeyStatuses, groups: Integers
) -> tuple[list[str], Integers]:
    """Status names, and each value's index among them: public ones first, then small ones, else 0, an estimate."""
    rules = [(status, mask.ravel()) for status, mask in statuses]
    if threshold is not None:
        countable = ~np.any([mask for _, mask in rules], axis=0) if rules else np.ones(values.size, np.bool_)
        rules.append((WITHHELD_SMALL, (values < threshold) | mostly_noise(values, se, threshold, groups, countable)))
    code = np.select([mask for _, mask in rules], range(1, len(rules) + 1), 0) if rules else np.zeros(values.size)
    return [ESTIMATE, *(status for status, _ in rules)], code.astype(np.int64)
