"""Consent: the start of each subscriber's valid consent, from whole histories. Withdrawal wins; the default is no.

A history is every row of the consents file with the subscriber's id, in any order. Histories are often append-only.
- A grant counts if its purpose is the policy's, it has proof, it can be read, and it is not dated after now. Its
  purpose is compared exactly, apart from blanks around it: no spelling may widen a consent.
- A row with anything in `withdrawn_at` voids all grants up to it. It does so for every id that differs only by case,
  blanks, zeros or `+`. Its grant, proof and purpose do not matter, unless the policy lists the purpose as another one.
- It counts as soon as it is in the file: one dated later than now voids all grants until now.
- One that cannot be read, or lies before the grant of its own row, voids all grants permanently.
- A date alone may be any instant of its day. Such a grant counts from the next day; a withdrawal at any time of its
  day voids it. Such a withdrawal voids the grants of its whole day.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from tasks.events import sql_text
from tasks.events.reference_tables import ID, ReferenceTable, load
from tasks.events.register_values import ColumnRule, flags
from tasks.policy import Eligibility

CONSENT_COLUMNS = ("subscriber_id", "purpose", "granted_at", "withdrawn_at", "channel", "text_version")
_FOR_EVER = 1_000_000_000_000_000


def load_consents(con: duckdb.DuckDBPyConnection, consents: ReferenceTable, checks: Sequence[ColumnRule]) -> None:
    """Table `consent`: a history's rows with times in UTC seconds, NULL where they cannot be read.

    `granted` is the earliest instant that the value may mean, `begins` when the grant counts, `withdrawn` the latest.
    With the flags of `checks`.
    """
    identity, granted, withdrawn = consents.text(ID), "granted_at", "withdrawn_at"
    select = f"""
        {identity} AS subscriber_id, {sql_text.alike(identity)} AS alike, {consents.text("purpose")} AS purpose,
        {sql_text.proof(consents.text("channel"))} AND {sql_text.proof(consents.text("text_version"))} AS proven,
        {consents.seconds(granted)} AS granted,
        coalesce({consents.day_after(granted)}, {consents.seconds(granted)}) AS begins,
        {consents.given(withdrawn)} AS left_us,
        {sql_text.far(consents.text(withdrawn))} AS far,
        coalesce({consents.day_after(withdrawn)} - 1, {consents.seconds(withdrawn)}) AS withdrawn,
        {flags(checks)}
    """
    load(con, consents, "consent", select)


def find_standing(con: duckdb.DuckDBPyConnection, who: Eligibility, now: datetime) -> None:
    """Tables `voided` (alike, until) and `standing` (subscriber_id, begins) from the tables `consent` and `person`."""
    con.execute(
        f"""
        CREATE TEMP TABLE voided AS
        SELECT alike, max(CASE WHEN withdrawn >= coalesce(granted, withdrawn) THEN withdrawn ELSE {_FOR_EVER} END)
            AS until
        FROM consent
        WHERE left_us AND alike IS NOT NULL
            AND NOT coalesce(list_contains($others, {sql_text.folded("purpose")}), false)
        GROUP BY alike
        """,
        {"others": ["".join(purpose.lower().split()) for purpose in who.other_purposes]},
    )
    con.execute(
        """
        CREATE TEMP TABLE standing AS
        SELECT subscriber_id, min(begins) AS begins
        FROM consent LEFT JOIN voided USING (alike) JOIN person USING (subscriber_id)
        WHERE purpose = $purpose AND proven AND granted >= since AND granted > coalesce(until, granted - 1)
            AND begins <= $now
        GROUP BY subscriber_id
        """,
        {"purpose": who.purpose.strip(), "now": int(now.timestamp())},
    )


def consent_notes(con: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
    """What the operator should know of histories: withdrawals that lie ahead, and ids that are alike."""
    ahead = "SELECT count(*) FROM consent WHERE left_us AND coalesce(withdrawn > $now, far)"
    alike = """
        WITH ids AS (SELECT alike, subscriber_id FROM consent UNION ALL SELECT alike, subscriber_id FROM claim)
        SELECT count(*) FROM (SELECT alike FROM ids SEMI JOIN (FROM ids WHERE alike <> subscriber_id) USING (alike)
                              GROUP BY alike HAVING min(subscriber_id) <> max(subscriber_id))
    """
    (counts,) = con.execute(f"SELECT ({ahead}), ({alike})", {"now": int(now.timestamp())}).fetchall()
    notes = (
        "consents: {:,} values of withdrawn_at lie in the future, such as 9999-12-31. They count as withdrawals. If "
        "they mean that nobody withdrew, list them as null words in formats.toml.",
        "consents: {:,} times, ids differ by case, blanks, leading zeros or `+` alone. They share their withdrawals.",
    )
    return [note.format(count) for note, count in zip(notes, counts, strict=True) if count]


def find_withdrawn(con: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
    """Ids of the consents and subscribers files with a certain withdrawal and without a valid consent.

    Certain is a readable date in the past. Sentinels and unreadable values only exclude people from counts. Removing
    rows for them would empty the lake if a system writes 9999-12-31 for no withdrawal.
    """
    found = con.execute(
        """
        WITH ids AS (SELECT alike, subscriber_id FROM consent UNION SELECT alike, subscriber_id FROM claim)
        SELECT DISTINCT subscriber_id FROM ids JOIN voided USING (alike) ANTI JOIN standing USING (subscriber_id)
        WHERE until <= $now
        """,
        {"now": int(now.timestamp())},
    ).fetchall()
    return [subscriber for (subscriber,) in found]
