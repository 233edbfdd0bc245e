"""`protect` is the only function that turns confidential sums into releasable numbers.

It adds noise, makes levels consistent, withholds small values and computes intervals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import NoReturn, final

import numpy as np
import pyarrow as pa

from tasks.privacy.bounds import Contributions, Integers, LevelRule, defect
from tasks.privacy.consistency import Relation, make_consistent
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.noise import Noise, scale_of
from tasks.privacy.release_table import OWN_COLUMNS, KeyStatuses, ShareWithin, level_table, stacked

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


@dataclass(frozen=True)
class KeyFacts:
    """Public facts of keys, by level: in the flat order of its values."""

    keys: Mapping[str, pa.Table]
    """Columns of the keys; also of summaries."""
    statuses: Mapping[str, KeyStatuses] = field(default_factory=dict)
    groups: Mapping[str, Integers] = field(default_factory=dict)
    """Each key's group; one whose shown values would be mostly noise is withheld whole."""
    relations: Sequence[Relation] = ()
    share_within: ShareWithin = field(default_factory=dict)


SparseFacts = Callable[[Mapping[str, Integers]], KeyFacts]
"""The facts of all levels so far, given the chosen flat keys of the sparse ones."""

Summarise = Callable[[Mapping[str, Measured]], Mapping[str, DerivedLevel]]
"""Computes levels from the noisy ones, in the product's order."""


def protect(
    contributions: Sequence[Contributions],
    rules: Sequence[LevelRule],
    facts: KeyFacts,
    noise: Noise,
    later: Sequence[LaterStage] = (),
    sparse: SparseFacts | None = None,
    summarise: Summarise | None = None,
) -> ProtectedCounts:
    """Draw each level once by its rule, and make levels consistent; nothing raw is looked at.

    The rules must be the ones that `accounting.charge` was given: what is charged is what is drawn.
    `summarise`: computes further levels from the consistent noisy ones, before small values are withheld.
    """
    measured, chosen = dict[str, Measured](), dict[str, Integers]()
    if len({rule.name for rule in rules}) != len(rules):
        raise defect("a level is listed twice")
    _check_relations(facts, contributions)
    for count in (*later, None):
        levels = _paired(contributions, rules[len(measured) :], last=count is None)
        more = {sums.level: sums.chosen for sums in contributions if sums.chosen is not None}
        chosen |= more
        facts = sparse(chosen) if more and sparse else facts
        for sums, _ in levels:
            _check_keys(sums, facts)
        measured |= {rule.name: _measure(sums, rule, noise) for sums, rule in levels}
        contributions = count(measured) if count else ()
    measured = make_consistent(measured, facts.relations)
    tables = [_table(rule, measured[rule.name], facts) for rule in rules]
    summaries = summarise(measured) if summarise else {}
    tables += [level.table(name, facts.keys[name]) for name, level in summaries.items()]
    return ProtectedCounts(stacked(tables, facts.share_within), tuple(rules), TOKEN)


def _table(rule: LevelRule, measured: Measured, facts: KeyFacts) -> pa.Table:
    name = rule.name
    return level_table(
        name, measured, rule.threshold, facts.keys.get(name), facts.statuses.get(name, ()), facts.groups.get(name)
    )


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


def _check_keys(sums: Contributions, facts: KeyFacts) -> None:
    keys = facts.keys.get(sums.level)
    if keys is None and sums.chosen is not None:
        raise defect(f"{sums.level} cannot be drawn for chosen keys only")
    if keys is not None and keys.num_rows != sums.values.size:
        raise defect(f"{sums.level} has {sums.values.size} values for {keys.num_rows} keys")
    if keys is not None and OWN_COLUMNS.intersection(keys.column_names):
        raise defect(f"key columns of {sums.level} may not be named {', '.join(sorted(OWN_COLUMNS))}")
    for status, mask in facts.statuses.get(sums.level, ()):
        if mask.dtype != np.bool_ or mask.shape != sums.values.shape:
            raise defect(f"status {status} of {sums.level} must be a truth value for each key")


def _check_relations(facts: KeyFacts, contributions: Sequence[Contributions]) -> None:
    """Raise StepFailed for relations that do not fit, before anything is drawn."""
    sizes = {name: table.num_rows for name, table in facts.keys.items()}
    sizes |= {sums.level: sums.values.size for sums in contributions}
    for relation in facts.relations:
        relation.check(sizes.get(relation.first, -1), sizes.get(relation.second, -1))


def _measure(sums: Contributions, rule: LevelRule, noise: Noise) -> Measured:
    drawn = noise.draw(rule.sigma, sums.unit, sums.values.size)
    if drawn.dtype != np.int64 or drawn.shape != (sums.values.size,):
        raise defect("the noise source must give one int64 for each value")
    values = (sums.values + drawn.reshape(sums.values.shape)) / sums.unit
    values.setflags(write=False)  # a later stage sees them: it cannot put anything into them
    return Measured(values, np.full(values.shape, scale_of(rule.sigma) ** 2))
