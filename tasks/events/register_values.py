"""What the values of registers are: how many of each column are understood, and can be counted. Exact; no value shown.

What is not understood never counts: its subscriber, or its consent, is out. These facts say that it happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from tasks.events import sql_text, value_shapes
from tasks.events.reference_tables import ID, ReferenceTable
from tasks.policy import Eligibility

_PUBLIC = """
    f m d x w h male female man woman mann frau männlich weiblich divers div other masculin féminin homme femme
    hombre mujer masculino femenino unknown 0 1 2 9
    consumer private privat privatkunde b2c residential postpaid prepaid business b2b corporate enterprise soho iot m2m
    geschäft geschäftlich geschäftskunde firma gewerbe
    insights marketing analytics analysis ads advertising all yes no true
"""
PUBLIC_WORDS = frozenset(_PUBLIC.split())
"""Words of genders, segments and purposes that everybody uses: a message may repeat them, in whatever case."""
GENDERS, SEGMENTS = ("f", "m", "x"), ("consumer", "business", "iot")
_TIME = "an ISO 8601 date or time of the years 1900 to 2999"


@dataclass(frozen=True)
class ColumnRule:
    """A column of a register: SQL over its rows of whether a value is `odd`, and whether it can be counted (`fit`)."""

    column: str
    odd: str
    fit: str
    expects: str
    worded: bool = False
    """Whether its values are words of which the public ones may be repeated."""


@dataclass(frozen=True)
class ColumnFacts:
    """A column in numbers; `seen`: how odd values are written, in public words or forms."""

    file: str
    column: str
    rows: int
    odd: int
    fit: int
    expects: str
    seen: str = ""

    @property
    def name(self) -> str:
        """Register and column, as the gate names its result: `subscribers.gender`."""
        return f"{self.file.partition('.')[0]}.{self.column}"

    @property
    def share(self) -> float:
        """The share of values that are not understood; all, if none can be counted."""
        return self.odd / self.rows if self.fit else 1.0

    def __str__(self) -> str:
        where = f"{self.file} column {self.column}"
        if not self.rows:
            return f"{where}: the file holds no row"
        counted = f"{self.odd:,} of {self.rows:,} values are not understood" if self.odd else ""
        none = "" if self.fit else f"0 of {self.rows:,} values can be counted"
        return f"{where}: {', '.join(filter(None, (counted, none)))}{self.seen} (expected: {self.expects})"


@dataclass(frozen=True)
class RegisterFacts:
    """What is exactly known of the registers' values, and what the operator should know besides."""

    columns: tuple[ColumnFacts, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the worst column."""
        return max((column.share for column in self.columns), default=0.0)

    def worst(self, limit: float) -> list[str]:
        """Columns over the limit in words; if there are none, those with anything odd."""
        odd = [column for column in self.columns if column.share > 0]
        over = [column for column in odd if column.share > limit] or odd
        return [str(column) for column in sorted(over, key=lambda column: -column.share)]


def subscriber_checks(subscribers: ReferenceTable, who: Eligibility) -> tuple[ColumnRule, ...]:
    """What each column of the subscribers file has to hold."""
    year, home = subscribers.whole("birth_year"), subscribers.whole("home_mcc")
    gender, segment = f"lower({subscribers.text('gender')})", subscribers.text("segment")
    since = subscribers.seconds("active_from")
    return (
        ColumnRule(ID, f"{subscribers.text(ID)} IS NULL", f"{subscribers.text(ID)} IS NOT NULL", "an id"),
        _given(subscribers, "birth_year", f"coalesce({year} BETWEEN 1880 AND 2199, false)", "a year such as 1980"),
        _words(subscribers, "gender", f"{gender} IN ({sql_text.listed(GENDERS)})", "true", "f, m, x or empty"),
        _words(
            subscribers,
            "segment",
            f"{segment} IN ({sql_text.listed(SEGMENTS)})",
            f"coalesce({segment} IN ({sql_text.listed(who.segments)}), false)",
            f"{', '.join(SEGMENTS)}; counted: {', '.join(who.segments)}",
        ),
        ColumnRule(
            "home_mcc",
            f"{subscribers.given('home_mcc')} AND NOT coalesce({home} BETWEEN 200 AND 799, false)",
            f"coalesce({home} = {who.home_mcc}, false)",
            f"three digits such as {who.home_mcc}, which is counted",
        ),
        ColumnRule("active_from", f"{subscribers.given('active_from')} AND {since} IS NULL", "true", _TIME),
    )


def consent_checks(consents: ReferenceTable, who: Eligibility) -> tuple[ColumnRule, ...]:
    """What each column of the consents file has to hold; a withdrawal needs neither grant nor proof."""
    purpose, ours = consents.text("purpose"), sql_text.quoted(who.purpose.strip())
    left = consents.given("withdrawn_at")
    granted, withdrawn = consents.seconds("granted_at"), consents.seconds("withdrawn_at")
    same = f"CASE WHEN {purpose} <> {ours} THEN {sql_text.folded(purpose)} = {sql_text.folded(ours)} END"
    return (
        ColumnRule(ID, f"{consents.text(ID)} IS NULL", f"{consents.text(ID)} IS NOT NULL", "an id"),
        ColumnRule(
            "purpose", f"coalesce({same}, false)", f"coalesce({purpose} = {ours}, false)", who.purpose, worded=True
        ),
        _given(consents, "granted_at", f"{granted} IS NOT NULL", _TIME),
        ColumnRule("withdrawn_at", f"{left} AND {withdrawn} IS NULL", "true", f"{_TIME}, or empty"),
        *(
            ColumnRule(name, "false", sql_text.proof(consents.text(name)), "what proves the consent")
            for name in ("channel", "text_version")
        ),
    )


def _given(register: ReferenceTable, column: str, understood: str, expects: str) -> ColumnRule:
    """A value that has to be there to be counted; where it is missing it is not odd."""
    return ColumnRule(column, f"{register.given(column)} AND NOT {understood}", understood, expects)


def _words(register: ReferenceTable, column: str, understood: str, fit: str, expects: str) -> ColumnRule:
    return ColumnRule(column, f"coalesce(NOT {understood}, false)", fit, expects, worded=True)


def flags(checks: Sequence[ColumnRule]) -> str:
    """SQL of two columns a check, stored with the rows of a register."""
    return ", ".join(f"{check.odd} AS odd_{n}, {check.fit} AS fit_{n}" for n, check in enumerate(checks))


def column_facts(
    con: duckdb.DuckDBPyConnection, table: str, register: ReferenceTable, checks: Sequence[ColumnRule]
) -> list[ColumnFacts]:
    """Counts from a loaded table's flags; how odd values are written is looked up in the file's first rows."""
    counts = ", ".join(f"count_if(odd_{n}), count_if(fit_{n})" for n in range(len(checks)))
    rows, *found = con.execute(f"SELECT count(*), {counts} FROM {table}").fetchall()[0]
    facts = []
    for check, odd, fit in zip(checks, found[::2], found[1::2], strict=True):
        seen = _seen(con, register, check, odd) if odd or (rows and not fit) else ""
        facts.append(ColumnFacts(register.path.name, check.column, rows, odd, fit, check.expects, seen))
    return facts


def _seen(con: duckdb.DuckDBPyConnection, register: ReferenceTable, check: ColumnRule, odd: int) -> str:
    """`, written Consumer`, and forms of all others; of ids nothing is said: it would be what they are."""
    if check.column == ID:
        return ""
    text = f"CASE WHEN {check.odd} THEN {register.text(check.column)} END" if odd else register.text(check.column)
    public = _public(con, register, text) if check.worded else []
    if public:
        text = f"CASE WHEN lower({text}) NOT IN ({sql_text.listed(sorted(PUBLIC_WORDS))}) THEN {text} END"
    found = value_shapes.common_shapes(con, register.table, text, register.parameters)
    written = [f", written {', '.join(public)}"] * bool(public) + [f"; forms: {', '.join(found)}"] * bool(found)
    return "".join(written)


def _public(con: duckdb.DuckDBPyConnection, register: ReferenceTable, text: str) -> list[str]:
    """The public words among the odd ones of a file's first rows, the commonest first."""
    query = f"""
        SELECT word FROM (SELECT {text} AS word FROM {register.table} LIMIT {value_shapes.SAMPLE})
        WHERE list_contains($public, lower(word)) GROUP BY word HAVING count(*) >= {value_shapes.LEAST}
        ORDER BY count(*) DESC, word LIMIT 5
    """
    found = con.execute(query, {**register.parameters, "public": sorted(PUBLIC_WORDS)}).fetchall()
    return [word for (word,) in found]
