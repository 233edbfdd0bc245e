"""Words of registers as SQL: trimmed; NULL for words that mean no value or no proof."""

from collections.abc import Sequence

from tasks.events.formats.columns import BLANKS, Column

NULLS = ("", "null", r"\n", "nat")
"""What databases, Hive and pandas write for no value, in lower case."""
NO_PROOF = ("-", "--", "n/a", "na", "nan", "nil", "none", "unknown", "undefined", "?", "0", "false")
"""Words that prove nothing, in lower case: neither a channel nor the version of a text."""


def text(column: Column) -> str:
    """SQL of a column's words; bytes are UTF-8 text (Parquet strings without the mark), else their hexadecimal."""
    if column.type == "BLOB":
        return f"coalesce(TRY(decode({column.sql})), hex({column.sql}))"
    return column.text()


def given(words: str) -> str:
    """SQL of trimmed text, NULL where it says that there is no value."""
    longest = max(map(len, NULLS))  # a length costs less than a comparison
    return (
        f"(CASE WHEN strlen({words}) <= {longest} AND lower({words}) IN ({listed(NULLS)}) THEN NULL ELSE {words} END)"
    )


def proof(words: str) -> str:
    """SQL: trimmed text, not NULL, proves that somebody was asked somewhere."""
    return f"({words} IS NOT NULL AND lower({words}) NOT IN ({listed(NO_PROOF)}))"


def far(words: str) -> str:
    """SQL: text is a date that lies too far ahead to be one, as systems write it that know no end."""
    return f"coalesce(regexp_matches(lower({words}), '^([+]?infinity$|([3-9][0-9]{{3}}|[+]?[0-9]{{5,}})-)'), false)"


def folded(words: str) -> str:
    """SQL of text without case and without any blanks."""
    bare = f"(CASE WHEN regexp_full_match({words}, '[!-~]*') THEN {words} ELSE translate({words}, '{BLANKS}', '') END)"
    return f"lower({bare})"


def alike(identity: str) -> str:
    """SQL of what ids share that are equal but for case, blanks, leading zeros or `+`; a plain number is itself."""
    plain = f"{identity} = CAST(TRY_CAST({identity} AS UBIGINT) AS VARCHAR) AND {identity} <> '0'"
    return f"(CASE WHEN {plain} THEN {identity} ELSE ltrim({folded(identity)}, '+0') END)"


def quoted(word: str) -> str:
    """A word as an SQL literal."""
    return "'" + word.replace("'", "''") + "'"


def listed(words: Sequence[str]) -> str:
    """Words as SQL literals with commas between them."""
    return ", ".join(map(quoted, words))
