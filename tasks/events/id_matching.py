"""Identify columns by reference files: subscriber ids by the register, cell ids by the cell plan."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from tasks.events.column_roles import SampledColumn
from tasks.events.formats.sections import Ids
from tasks.events.inspection import Opened
from tasks.events.landing_context import LandingContext
from tasks.events.mapping_proposal import key_parts
from tasks.events.sample import members

LEAST = 0.05
"""The share of rows that must be known from the landing."""
SURE = 0.5
"""The share of the best column's matches with which a column that is named so keeps its role."""
RULES = ({"+": ""}, {"00": ""}, {"+": "", "00": ""})
"""What ids may begin with in one place and not in another."""


def roles(
    file: Opened, looks: Sequence[SampledColumn], named: Mapping[str, SampledColumn], context: LandingContext
) -> dict[str, SampledColumn]:
    """The roles, with the columns of subscriber and cell whose values are known from the landing."""
    found, cells = dict(named), context.cells
    if context.people is not None:
        _choose(found, "subscriber", {look: _people(file, look, context) for look in looks}, file.rows)
    rest = [look for look in looks if look != found.get("subscriber")]
    if cells is not None and ("cell" not in found or key_parts(found) == ("cell",)):
        _choose(found, "cell", {look: _cells(file, look, cells) for look in rest}, file.rows)
    return found


def _choose(found: dict[str, SampledColumn], role: str, matches: Mapping[SampledColumn, int], rows: int) -> None:
    """Give a role to the column with most matches, unless its own has about as many; the first of equals."""
    best = max(matches, key=lambda look: matches[look], default=None)
    if best is None or matches[best] <= LEAST * rows:
        return
    if role not in found or matches.get(found[role], 0) < SURE * matches[best]:
        for other in [other for other, look in found.items() if look == best]:
            del found[other]
        found[role] = best


def _text(look: SampledColumn) -> str:
    return look.column.text(hexadecimal=True)


def _people(file: Opened, look: SampledColumn, context: LandingContext) -> int:
    return members(file.con, _text(look), context.people, ids_rule(file, look, context))


def _cells(file: Opened, look: SampledColumn, cells: Sequence[str]) -> int:
    return members(file.con, _text(look), pa.array(cells, pa.string()), Ids())


def ids_rule(file: Opened, look: SampledColumn, context: LandingContext) -> Ids:
    """The given rule, or one by which more than hardly any ids of the column are in the register."""
    if context.people is None:
        return context.ids
    tried = [context.ids, *(context.ids.model_copy(update={"prefixes": context.ids.prefixes | each}) for each in RULES)]
    tried.append(context.ids.model_copy(update={"case": "lower"}))
    for rule in tried:
        if members(file.con, _text(look), context.people, rule) > LEAST * file.rows:
            return rule
    return context.ids


def changed_rule(ids: Ids, context: LandingContext) -> Ids | None:
    """The rule, if it is another than the given one."""
    return ids if ids != context.ids else None
