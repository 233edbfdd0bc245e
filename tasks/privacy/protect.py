"""`protect` is the only function that turns confidential sums into releasable numbers.

It adds noise, makes levels consistent, withholds small values and computes intervals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import NoReturn, final

import numpy as np
import pyarrow as pa

from tasks.privacy.bounds import Contributions, Integers, LevelRule, defect
from tasks.privacy.consistency import Hierarchy, Measured, make_consistent
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.noise import Noise, scale_of
from tasks.privacy.release_table import OWN_COLUMNS, KeyStatuses, level_table, stacked

TOKEN = object()
"""Held by `protect` and `derive`, and by nothing else."""


@final
@dataclass(frozen=True, eq=False)
class ProtectedCounts:
    """Releasable: level, key columns, value, se, low, high (90 %), status; made by `protect` and `derive` alone."""

    table: pa.Table
    rules: tuple[LevelRule, ...]
    """By which it was drawn; empty if it was derived."""
    token: InitVar[object]
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 by id of each release that it was derived from."""

    def __post_init__(self, token: object) -> None:
        if token is not TOKEN:
            raise defect("protected counts are made by protect alone")

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying: a copy could be altered."""
        raise defect("protected counts cannot be pickled or copied")


LaterStage = Callable[[Mapping[str, Measured]], Sequence[Contributions]]
"""Counts the levels of a later stage, given the noisy levels of the earlier ones."""


Summarise = Callable[[Mapping[str, Measured]], Mapping[str, DerivedLevel]]
"""Computes levels from the noisy ones, in the product's order."""


def protect(
    contributions: Sequence[Contributions],
    rules: Sequence[LevelRule],
    keys: Mapping[str, pa.Table],
    noise: Noise,
    hierarchies: Sequence[Hierarchy] = (),
    statuses: Mapping[str, KeyStatuses] | None = None,
    later: Sequence[LaterStage] = (),
    groups: Mapping[str, Integers] | None = None,
    summarise: Summarise | None = None,
) -> ProtectedCounts:
    """Draw each level once by its rule; keys are in the flat order of the values; nothing raw is looked at.

    The rules must be the ones that `accounting.charge` was given: what is charged is what is drawn.
    `groups`: each key's group by level; a group whose shown values would be mostly noise is withheld whole.
    `summarise`: computes further levels from the consistent noisy ones, before small values are withheld.
    """
    statuses, measured = statuses or {}, dict[str, Measured]()
    if len({rule.name for rule in rules}) != len(rules):
        raise defect("a level is listed twice")
    sizes = {name: table.num_rows for name, table in keys.items()}
    _check_hierarchies(hierarchies, sizes | {sums.level: sums.values.size for sums in contributions})
    for count in (*later, None):
        levels = _paired(contributions, rules[len(measured) :], last=count is None)
        for sums, _ in levels:
            _check_keys(sums, keys.get(sums.level), statuses.get(sums.level, ()))
        measured |= {rule.name: _measure(sums, rule, noise) for sums, rule in levels}
        contributions = count(measured) if count else ()
    for hierarchy in hierarchies:
        measured |= _consistent(measured, hierarchy, {rule.name: rule for rule in rules})
    of_level = [(keys.get(rule.name), statuses.get(rule.name, ()), (groups or {}).get(rule.name)) for rule in rules]
    tables = [
        level_table(rule.name, measured[rule.name], rule.threshold, *of)
        for rule, of in zip(rules, of_level, strict=True)
    ]
    summaries = summarise(measured) if summarise else {}
    tables += [level.table(name, keys[name]) for name, level in summaries.items()]
    return ProtectedCounts(stacked(tables), tuple(rules), TOKEN)


def _paired(
    contributions: Sequence[Contributions], rules: Sequence[LevelRule], last: bool
) -> list[tuple[Contributions, LevelRule]]:
    """The sums of a stage with their rules: in the rules' order, of equal bounds; in the last stage none is left."""
    rules = rules if last else rules[: len(contributions)]
    if [sums.level for sums in contributions] != [rule.name for rule in rules]:
        raise defect("contributions and rules must name the same levels in the same order")
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


def _check_hierarchies(hierarchies: Sequence[Hierarchy], sizes: Mapping[str, int]) -> None:
    names = [name for hierarchy in hierarchies for name in (hierarchy.first, hierarchy.second)]
    if len(set(names)) != len(names):
        raise defect("a level can be made consistent with one other level only")
    for hierarchy in hierarchies:
        hierarchy.check(sizes.get(hierarchy.first, -1), sizes.get(hierarchy.second, -1))


def _measure(sums: Contributions, rule: LevelRule, noise: Noise) -> Measured:
    drawn = noise.draw(rule.sigma, sums.unit, sums.values.size)
    if drawn.dtype != np.int64 or drawn.shape != (sums.values.size,):
        raise defect("the noise source must give one int64 for each value")
    values = (sums.values + drawn.reshape(sums.values.shape)) / sums.unit
    return Measured(values, np.full(values.shape, scale_of(rule.sigma) ** 2))


def _consistent(
    measured: Mapping[str, Measured], hierarchy: Hierarchy, rules: Mapping[str, LevelRule]
) -> dict[str, Measured]:
    first, second = hierarchy.first, hierarchy.second
    sds = (scale_of(rules[name].sigma) for name in (first, second))
    pair = make_consistent(measured[first].values, measured[second].values, hierarchy, *sds)
    return dict(zip((first, second), pair, strict=True))
