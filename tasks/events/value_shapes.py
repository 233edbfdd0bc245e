"""Forms of values: what may be said of values that cannot be read, where the values themselves may not."""

from collections.abc import Mapping

import duckdb

LONGEST = 40
"""Characters of a shape; a longer value's shape ends in `...`."""
SAMPLE = 10_000
"""Rows that are looked at."""
LEAST = 3
"""Rows that must share a shape before it is shown: a shape of one row would be a trace of that row."""


def shape(text: str) -> str:
    """SQL of the shape of a text expression: each digit is 9, each letter a, all but ASCII punctuation and blanks ?."""
    letters = f"regexp_replace(left({text}, {LONGEST}), '\\p{{L}}', 'a', 'g')"
    digits = f"regexp_replace({letters}, '\\p{{Nd}}', '9', 'g')"
    known = f"regexp_replace({digits}, '[^a9 -/:-@\\[-`{{-~]', '?', 'g')"
    return f"({known} || CASE WHEN length({text}) > {LONGEST} THEN '...' ELSE '' END)"


def commonest_shape(
    con: duckdb.DuckDBPyConnection, relation: str, text: str, parameters: Mapping[str, object] | None = None
) -> str | None:
    """The most frequent shape, as `common_shapes` finds it; None if too few rows share one."""
    return next(iter(common_shapes(con, relation, text, parameters, 1)), None)


def common_shapes(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    text: str,
    parameters: Mapping[str, object] | None = None,
    most: int = 3,
) -> list[str]:
    """The most frequent shapes of a text expression over the first rows of a relation.

    `relation`: a table's name or a query in parentheses, its `$name`s in `parameters`. NULL has no shape.
    """
    query = f"""
        SELECT shape FROM (SELECT {shape("value")} AS shape
            FROM (SELECT {text} AS value FROM {relation} LIMIT {SAMPLE}))
        WHERE shape IS NOT NULL GROUP BY shape HAVING count(*) >= {LEAST} ORDER BY count(*) DESC, shape LIMIT {most}
    """
    return [str(found) for (found,) in con.execute(query, dict(parameters or {})).fetchall()]
