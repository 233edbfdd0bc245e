"""How far the histories of the consents file extend: an older export of it would bring back people who withdrew."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from tasks.errors import RejectedInput
from tasks.events import duckdb_session
from tasks.events.clock import Clock
from tasks.events.consent import CONSENT_COLUMNS
from tasks.events.formats import Formats
from tasks.events.landing import find_register
from tasks.events.reference_tables import open_reference_table
from tasks.policy import Calendar

MEMORY = "2GB"
_CLOCKS_FROM = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class HistoryExtent:
    """The hour of the newest grant or withdrawal that is not ahead of now, None without any; and all withdrawals."""

    newest: datetime | None
    withdrawals: int


def history_extent(root: Path, time: Calendar, now: datetime, formats: Formats) -> HistoryExtent:
    """That of a landing's consents; raises RejectedInput if they cannot be read.

    An hour says enough to tell a newer file from an older one, and is no time of one person's.
    """
    clock = Clock.over(time.landing, _CLOCKS_FROM, _CLOCKS_FROM.replace(year=now.year + 2))
    consents = open_reference_table(find_register(root, "consents"), CONSENT_COLUMNS, (), clock, formats)
    both = ("granted_at", "withdrawn_at")
    times = " UNION ALL ".join(f"SELECT {consents.seconds(name)} AS second FROM history" for name in both)
    query = f"""
        WITH history AS (FROM {consents.table})
        SELECT (SELECT max(second) FROM ({times}) WHERE second <= {int(now.timestamp())}),
            (SELECT count({consents.text("withdrawn_at")}) FROM history)
    """
    try:
        with duckdb_session.connect(MEMORY, 2, None) as con:
            newest, withdrawals = con.execute(query, consents.parameters).fetchall()[0]
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        raise RejectedInput(f"{consents.path.name} is damaged.", "Send it again.", "registers.damaged") from None
    hour = None if newest is None else datetime.fromtimestamp(newest // 3600 * 3600, UTC)
    return HistoryExtent(hour, withdrawals)
