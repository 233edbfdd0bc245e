"""Identify columns by reference files: subscriber ids by the register, cell ids by the cell plan."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tasks.events.column_roles import SampledColumn
from tasks.events.formats.sections import Ids
from tasks.events.inspection import Opened
from tasks.events.mapping_proposal import key_parts
from tasks.events.sample import LandingContext, members

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
    found = dict(named)
    if context.people is not None:
        matches = {look: _matches(file, look, context.people, rule(file, look, context)) for look in looks}
        _choose(found, "subscriber", matches, file.rows)
    if context.cells is not None and ("cell" not in found or key_parts(found) == ("cell",)):
        cells, rest = pa.array(context.cells, pa.string()), [look for look in looks if look != found.get("subscriber")]
        _choose(found, "cell", {look: _matches(file, look, cells, Ids()) for look in rest}, file.rows)
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


def rule(file: Opened, look: SampledColumn, context: LandingContext) -> Ids:
    """The given rule, or one by which more than hardly any ids of the column are in the register."""
    tried = rules(context) if context.people is not None else []
    known = (each for each in tried if _matches(file, look, context.people, each) > LEAST * file.rows)
    return next(known, context.ids)


def rules(context: LandingContext) -> list[Ids]:
    """The given rule of ids, and others that may be meant."""
    changes: list[dict[str, Any]] = [{}, *({"prefixes": context.ids.prefixes | each} for each in RULES)]
    return [context.ids.model_copy(update=each) for each in (*changes, {"case": "lower"})]


def _matches(file: Opened, look: SampledColumn, known: pa.Array, ids: Ids) -> int:
    return members(file.con, look.column.text(hexadecimal=True), known, ids)
