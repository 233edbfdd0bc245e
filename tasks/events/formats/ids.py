"""Subscriber ids as a mapping says they are compared, in SQL: one rule for events and registers."""

from tasks.events.formats.columns import literal
from tasks.events.formats.sections import Ids


def rewrites(ids: Ids) -> bool:
    """Whether the rule changes more than the blanks around an id."""
    return ids.case != "keep" or bool(ids.prefixes)


def compared(trimmed: str, ids: Ids) -> str:
    """SQL of an id as it is compared; `trimmed`: SQL of the text without blanks around it."""
    found = trimmed
    if ids.prefixes:
        longest_first = sorted(ids.prefixes.items(), key=lambda item: (-len(item[0]), item[0]))
        branches = " ".join(
            f"WHEN starts_with({trimmed}, {literal(old)}) THEN {literal(new)} || substr({trimmed}, {len(old) + 1})"
            for old, new in longest_first
        )
        found = f"(CASE {branches} ELSE {trimmed} END)"
    return found if ids.case == "keep" else f"{ids.case}({found})"
