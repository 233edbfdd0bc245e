"""What reading needs of a row, as SQL, by the format of its file."""

from collections.abc import Sequence

from tasks.events.clock import Clock
from tasks.events.formats import times
from tasks.events.formats.columns import Columns, Expressions, Kind, literal
from tasks.events.formats.sections import EventFormat, Network


def kinds(format_: EventFormat) -> dict[str, Kind]:
    """What each column that reading looks at must hold, by its name in the format."""
    found = {format_.subscriber.column: Kind.TEXT}
    found |= dict.fromkeys(format_.time.column, times.kind_of(format_.time))
    found |= dict.fromkeys(format_.cell.column, Kind.TEXT)
    found |= {name: Kind.NUMBER for name in (format_.cell.latitude, format_.cell.longitude) if name}
    if format_.network:
        found |= {format_.network.plmn: Kind.NUMBER, format_.network.mcc: Kind.NUMBER, format_.network.mnc: Kind.TEXT}
    return found


def required(format_: EventFormat) -> tuple[str, ...]:
    """Columns without which a file is not of the format; subscriber and time are always among them."""
    needed = (format_.subscriber.column, *format_.time.column)
    return tuple(dict.fromkeys((*(format_.detect or kinds(format_)), *needed)))


def expressions(
    format_: EventFormat, columns: Columns, clock: Clock, *, hexadecimal: bool = True, home_mcc: int | None = None
) -> Expressions:
    """SQL over columns by their names in the format; columns that are not needed may be absent.

    `hexadecimal`: what binary ids become. `home_mcc`: the country of our own networks.
    """
    time, cell = [columns[name] for name in format_.time.column], format_.cell
    id_ = columns[format_.subscriber.column]
    placed = cell.latitude in columns and cell.longitude in columns
    plmn_ok, foreign = _network(format_.network, columns, home_mcc) if format_.network else ("true", "false")
    return Expressions(
        subscriber=id_.text(hexadecimal=hexadecimal),
        folds=format_.subscriber.hex and id_.type != "BLOB",
        has_time=times.given(time),
        seconds=times.seconds(format_.time, time, clock),
        micros=times.micros(format_.time, time),
        cell=_cell(cell.column, cell.separator, columns),
        latitude=columns[cell.latitude].number(format_.decimal) if placed and cell.latitude else None,
        longitude=columns[cell.longitude].number(format_.decimal) if placed and cell.longitude else None,
        plmn_ok=plmn_ok,
        foreign=foreign,
    )


def _cell(names: Sequence[str], separator: str, columns: Columns) -> str:
    """One column, or several joined: NULL where one of them is missing or empty."""
    if not names or not all(name in columns for name in names):
        return "NULL::VARCHAR"
    parts = [columns[name].text() for name in names]
    if len(parts) == 1:
        return parts[0]
    joined = f" || {literal(separator)} || ".join(f"nullif(trim({part}), '')" for part in parts)
    return f"({joined})"


def _network(network: Network, columns: Columns, home_mcc: int | None) -> tuple[str, str]:
    """SQL of the ESS rule, and of whether a network that is one is of another country than ours.

    The rule: a PLMN of 5 or 6 digits; without one, an MCC of 3 digits and an MNC of 2 or 3.
    """
    plmn, mcc, mnc = (columns[name] for name in (network.plmn, network.mcc, network.mnc))
    home = f"({mcc.whole()} BETWEEN 100 AND 999 AND regexp_full_match({mnc.text()}, '\\d{{2,3}}'))"
    ok = f"(CASE WHEN {plmn.given()} THEN {plmn.whole()} BETWEEN 10000 AND 999999 ELSE {home} END)"
    of_plmn = f"TRY_CAST(left(CAST({plmn.whole()} AS VARCHAR), 3) AS INTEGER)"
    country = f"(CASE WHEN {plmn.given()} THEN {of_plmn} ELSE {mcc.whole()} END)"
    return ok, f"({ok} AND {country} <> {home_mcc})" if home_mcc else "false"
