"""The bronze event of the European Statistical System's pipeline for mobile network data (multimno)."""

from tasks.events.clock import Clock
from tasks.events.formats.columns import Columns, Expressions, Kind

COLUMNS = {
    "user_id": Kind.TEXT,
    "timestamp": Kind.TIME,
    "mcc": Kind.NUMBER,
    "mnc": Kind.TEXT,
    "plmn": Kind.NUMBER,
    "cell_id": Kind.TEXT,
}


def expressions(columns: Columns, clock: Clock) -> Expressions:
    """What reading needs of a bronze event; text ids are hexadecimal and compared in lower case."""
    subscriber = columns["user_id"].text()
    return Expressions(
        subscriber=subscriber if columns["user_id"].type == "BLOB" else f"lower({subscriber})",
        has_time=columns["timestamp"].given(),
        seconds=columns["timestamp"].seconds(clock),
        micros=columns["timestamp"].micros(),
        cell=columns["cell_id"].text(),
        plmn_ok=_plmn_ok(columns),
    )


def _plmn_ok(columns: Columns) -> str:
    """SQL of the ESS rule: a PLMN of 5 or 6 digits; without one, an MCC of 3 digits and an MNC of 2 or 3."""
    plmn, mcc, mnc = columns["plmn"], columns["mcc"], columns["mnc"]
    home = f"({mcc.whole()} BETWEEN 100 AND 999 AND regexp_full_match({mnc.text()}, '\\d{{2,3}}'))"
    return f"(CASE WHEN {plmn.given()} THEN {plmn.whole()} BETWEEN 10000 AND 999999 ELSE {home} END)"
