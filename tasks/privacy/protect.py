"""The one door from confidential sums to releasable numbers: noise, reconciliation, suppression, intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import NoReturn, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.privacy.bounds import Contributions, Integers, LevelRule, defect
from tasks.privacy.consistency import Hierarchy, Measured, make_consistent
from tasks.privacy.noise import Noise, scale_of

ESTIMATE, WITHHELD_SMALL = "estimate", "withheld_small"
RESULTS = ("value", "se", "low", "high", "status")
OWN_COLUMNS = frozenset({"level", *RESULTS})

Z90 = 1.6448536269514722
"""Half width of the central 90 % interval in standard errors."""

KeyStatuses = Sequence[tuple[str, npt.NDArray[np.bool_]]]
"""Statuses known beforehand from public facts, each with the keys it holds for; the first that holds wins."""

_TOKEN = object()


@final
@dataclass(frozen=True, eq=False)
class ProtectedCounts:
    """Releasable: level, key columns, value, se, low, high (90 %), status; made by `protect` alone."""

    table: pa.Table
    rules: tuple[LevelRule, ...]
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise defect("protected counts are made by protect alone")

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying, which would go around the door."""
        raise defect("protected counts cannot be pickled or copied")


def protect(
    contributions: Sequence[Contributions],
    rules: Sequence[LevelRule],
    keys: Mapping[str, pa.Table],
    noise: Noise,
    hierarchy: Hierarchy | None = None,
    statuses: Mapping[str, KeyStatuses] | None = None,
) -> ProtectedCounts:
    """Draw each level once by its rule; keys stand in the flat order of the values; nothing raw is looked at.

    The rules must be the ones that `accounting.charge` was given: what is charged is what is drawn.
    """
    levels = _paired(contributions, rules)
    statuses = statuses or {}
    for sums, _ in levels:
        _check_keys(sums, keys.get(sums.level), statuses.get(sums.level, ()))
    if hierarchy:
        _check_hierarchy(hierarchy, {sums.level: sums.values.shape for sums, _ in levels})
    measured = {rule.name: _measure(sums, rule, noise) for sums, rule in levels}
    if hierarchy:
        measured |= _reconciled(measured, hierarchy, {rule.name: rule for rule in rules})
    tables = [_table(measured[r.name], r, keys.get(r.name), statuses.get(r.name, ())) for _, r in levels]
    table = pa.concat_tables(tables, promote_options="default")
    order = ["level", *(name for name in table.column_names if name not in OWN_COLUMNS), *RESULTS]
    return ProtectedCounts(table.select(order), tuple(rules), _TOKEN)


def _paired(
    contributions: Sequence[Contributions], rules: Sequence[LevelRule]
) -> list[tuple[Contributions, LevelRule]]:
    """Each level's sums with its rule: one to one, and of one bound."""
    if [sums.level for sums in contributions] != [rule.name for rule in rules]:
        raise defect("contributions and rules must name the same levels in the same order")
    if len({rule.name for rule in rules}) != len(rules):
        raise defect("a level stands twice")
    for sums, rule in zip(contributions, rules, strict=True):
        if sums.bound != rule.bound:
            raise defect(f"contributions of {rule.name} keep bound {sums.bound}, but {rule.bound} is charged")
    return list(zip(contributions, rules, strict=True))


def _check_keys(sums: Contributions, keys: pa.Table | None, statuses: KeyStatuses) -> None:
    if keys is not None and keys.num_rows != sums.values.size:
        raise defect(f"{sums.level} has {sums.values.size} values for {keys.num_rows} keys")
    if keys is not None and OWN_COLUMNS.intersection(keys.column_names):
        raise defect(f"key columns of {sums.level} may not be named {', '.join(sorted(OWN_COLUMNS))}")
    for status, mask in statuses:
        if mask.dtype != np.bool_ or mask.shape != sums.values.shape:
            raise defect(f"status {status} of {sums.level} must be a truth value for each key")


def _check_hierarchy(hierarchy: Hierarchy, shapes: Mapping[str, tuple[int, ...]]) -> None:
    parts, cells = shapes.get(hierarchy.parts, ()), shapes.get(hierarchy.cells, ())
    if len(parts) != 2 or len(cells) < 3 or cells[1] != parts[1] or hierarchy.group_of_part.shape != parts[:1]:
        raise defect(f"{hierarchy.parts} must be [part, time] and {hierarchy.cells} [group, time, ...]")
    if not np.array_equal(np.unique(hierarchy.group_of_part), np.arange(cells[0])):
        raise defect(f"each group of {hierarchy.cells} needs a part in {hierarchy.parts}, and each part its group")


def _measure(sums: Contributions, rule: LevelRule, noise: Noise) -> Measured:
    drawn = noise.draw(rule.sigma, sums.unit, sums.values.size)
    if drawn.dtype != np.int64 or drawn.shape != (sums.values.size,):
        raise defect("the noise source must give one int64 for each value")
    values = (sums.values + drawn.reshape(sums.values.shape)) / sums.unit
    return Measured(values, np.full(values.shape, scale_of(rule.sigma) ** 2))


def _reconciled(
    measured: Mapping[str, Measured], hierarchy: Hierarchy, rules: Mapping[str, LevelRule]
) -> dict[str, Measured]:
    parts, cells = measured[hierarchy.parts].values, measured[hierarchy.cells].values
    part_sd, cell_sd = (scale_of(rules[name].sigma) for name in (hierarchy.parts, hierarchy.cells))
    new_parts, new_cells = make_consistent(
        parts, cells.reshape(*cells.shape[:2], -1), hierarchy.group_of_part, part_sd, cell_sd
    )
    return {hierarchy.parts: new_parts, hierarchy.cells: new_cells}


def _table(measured: Measured, rule: LevelRule, keys: pa.Table | None, statuses: KeyStatuses) -> pa.Table:
    values, se = measured.values.ravel(), np.sqrt(measured.variances.ravel())
    names, code = _status(values, rule.threshold, statuses)
    columns = {"level": pa.repeat(rule.name, values.size)}
    columns |= {name: keys.column(name) for name in keys.column_names} if keys is not None else {}
    numbers = {"value": values, "se": se, "low": values - Z90 * se, "high": values + Z90 * se}
    columns |= {name: pa.array(column, mask=code != 0) for name, column in numbers.items()}
    return pa.table(columns | {"status": pa.array(names).take(pa.array(code))})


def _status(
    values: npt.NDArray[np.float64], threshold: int | None, statuses: KeyStatuses
) -> tuple[list[str], Integers]:
    """Status names, and each value's index among them: known ones first, then small ones, else 0, an estimate."""
    rules = [(status, mask.ravel()) for status, mask in statuses]
    if threshold is not None:
        rules.append((WITHHELD_SMALL, values < threshold))
    code = np.select([mask for _, mask in rules], range(1, len(rules) + 1), 0) if rules else np.zeros(values.size)
    return [ESTIMATE, *(status for status, _ in rules)], code.astype(np.int64)
