"""Forms of values: what may be said of values that cannot be read, where the values themselves may not."""

from collections.abc import Mapping

import duckdb

LONGEST = 40
"""Characters of a form; a longer value's form ends in `...`."""
SAMPLE = 10_000
"""Rows that are looked at."""
LEAST = 3
"""Rows that must share a form before it is shown: a form of one row would be a trace of that row."""


def form(text: str) -> str:
    """SQL of the form of a text expression: each digit is 9, each letter a, all but ASCII punctuation and blanks ?."""
    letters = f"regexp_replace(left({text}, {LONGEST}), '\\p{{L}}', 'a', 'g')"
    digits = f"regexp_replace({letters}, '\\p{{Nd}}', '9', 'g')"
    known = f"regexp_replace({digits}, '[^a9 -/:-@\\[-`{{-~]', '?', 'g')"
    return f"({known} || CASE WHEN length({text}) > {LONGEST} THEN '...' ELSE '' END)"


def commonest(
    con: duckdb.DuckDBPyConnection, relation: str, text: str, parameters: Mapping[str, object] | None = None
) -> str | None:
    """The most frequent form, as `several` finds it; None if too few rows share one."""
    return next(iter(several(con, relation, text, parameters, 1)), None)


def several(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    text: str,
    parameters: Mapping[str, object] | None = None,
    most: int = 3,
) -> list[str]:
    """The most frequent forms of a text expression over the first rows of a relation.

    `relation`: a table's name or a query in parentheses, its `$name`s in `parameters`. NULL has no form.
    """
    query = f"""
        SELECT form FROM (SELECT {form("value")} AS form
            FROM (SELECT {text} AS value FROM {relation} LIMIT {SAMPLE}))
        WHERE form IS NOT NULL GROUP BY form HAVING count(*) >= {LEAST} ORDER BY count(*) DESC, form LIMIT {most}
    """
    return [str(found) for (found,) in con.execute(query, dict(parameters or {})).fetchall()]
