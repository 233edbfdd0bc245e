"""The examples of product pages, from a client's deliveries of a simulated city: rows, and sentences that read them.

An example is a function in EXAMPLES: from a product's deliveries to the lines between the marks of its page.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]
PLACE = "Z0001"
"""A zone of the centre."""
PEOPLE = "people, people_low, people_high"


@dataclass(frozen=True)
class Delivered:
    """A product's folder, as downloaded."""

    folder: Path

    def rows(self, table: str, cadence: str, columns: str, where: str, last: str = "") -> list[Row]:
        """Shown rows of a table, by SQL."""
        files = self.folder / f"*/data/{table}/cadence={cadence}/*/*/*.parquet"
        sql = f"SELECT {columns} FROM '{files}' WHERE status = 'estimate' AND {where} {last}"
        ran = duckdb.execute(sql)
        names = [column[0] for column in ran.description or ()]
        return [dict(zip(names, row, strict=True)) for row in ran.fetchall()]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Rows as Markdown; numbers to the right."""
    names = list(rows[0])
    numbers = [isinstance(rows[0][name], int | float) for name in names]
    yield f"| {' | '.join(name.strip() for name in names)} |"
    yield f"|{'|'.join('---:' if number else '---' for number in numbers)}|"
    for row in rows:
        yield f"| {' | '.join(written(name, row[name]) for name in names)} |"
    yield ""


def written(name: str, value: object) -> str:
    """A number as a page shows it: shares to four digits, years and hours plainly, others with a comma."""
    if isinstance(value, float):
        return f"{value:.4f}" if name.startswith("share") else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def footfall(of: Delivered) -> Iterator[str]:
    """A zone at three hours, and one group of its district."""
    columns = f"zone_name, local_hour, persons, persons_low, persons_high, {PEOPLE}, persons_per_km2, reliability"
    rows = of.rows("zone_hour", "day", columns, f"zone_id = '{PLACE}' AND local_hour IN (4, 9, 18)", "ORDER BY 2")
    yield from table(rows)
    row = rows[-1]
    yield f"About {row['persons']:,} opted-in persons were mainly in {row['zone_name']} from 18:00 to 19:00."
    low, high = row["persons_low"], row["persons_high"]
    yield f"With 90 % confidence, the count without noise lies between {low:,} and {high:,}."
    low, high = row["people_low"], row["people_high"]
    yield f"Of all residents, about {row['people']:,} were there, between {low:,} and {high:,}."


def visitors(of: Delivered) -> Iterator[str]:
    """One zone's persons and visits, of a day, its week and its month."""
    here = f"zone_id = '{PLACE}'"

    def number(name: str, cadence: str, extra: str, noun: str = "persons", where: str = "true") -> list[Row]:
        columns = f"'{cadence}' AS period, level, zone_name, {extra} AS \"key\", {noun} AS number, {noun}_low AS low, "
        columns += f"{noun}_high AS high, {PEOPLE}, reliability"
        return of.rows(name, cadence, columns, f"{here} AND {where}", "ORDER BY 4 DESC")

    day, visits = number("zone", "day", "''"), number("zone_visits", "day", "arrival", "visits")
    week, month = number("zone", "week", "''"), number("zone", "month", "''")
    group = number("zone_demographic", "month", "age_band || ', ' || gender", where="age_band = '65+' AND gender = 'f'")
    roles = number("zone_role", "month", "role")
    yield from table([*day, *visits, *week, *month, *group, *roles])
    today, before = (visits[n]["number"] for n in (0, 1))
    yield f"About {day[0]['number']:,} opted-in persons stayed in {day[0]['zone_name']} on that day."
    yield f"They made about {today:,} + {before:,} = {today + before:,} visits; {before:,} had begun before midnight."
    yield f"About {week[0]['number']:,} persons came during the week, not seven times {day[0]['number']:,}."


def dwell(of: Delivered) -> Iterator[str]:
    """Times of a zone's visits in a week, and the bins that most of them are in."""
    columns = "zone_name, day_part, statistic, minutes, minutes_low, minutes_high, se, reliability"
    some = "(day_part = 'all' AND statistic IN ('lower_quartile', 'median', 'upper_quartile', 'mean')"
    some += " OR day_part IN ('morning', 'evening') AND statistic = 'median')"
    times = of.rows("dwell_time", "week", columns, f"zone_id = '{PLACE}' AND {some}", "ORDER BY day_part, minutes")
    yield from table(times)
    bins = "zone_name, day_part, dwell_bin, visits, visits_low, visits_high, share, share_low, share_high, "
    largest = "QUALIFY row_number() OVER (PARTITION BY day_part ORDER BY visits DESC) = 1 ORDER BY visits DESC LIMIT 3"
    yield from table(of.rows("zone_dwell", "week", bins + PEOPLE, f"zone_id = '{PLACE}'", largest))
    middle = next(row for row in times if (row["day_part"], row["statistic"]) == ("all", "median"))
    yield f"Half of the visits to {middle['zone_name']} lasted less than about {middle['minutes']:.0f} minutes."
    low, high = middle["minutes_low"], middle["minutes_high"]
    yield f"Without noise the number would lie between {low:.0f} and {high:.0f}, with 90 % confidence."


def origin_destination(of: Delivered) -> Iterator[str]:
    """The largest flow between two districts of a morning and of a week's mornings, and the largest pair of zones."""
    end = '{0}_{1}_name AS "{2}"'
    rest = f"trips, trips_low, trips_high, se, {PEOPLE}, reliability"

    def pairs(name: str, cadence: str, place: str, day_type: str, where: str) -> list[Row]:
        ends = ", ".join(end.format(way, place, word) for way, word in (("origin", "from"), ("destination", "to")))
        part = "day_part" if "zone" not in name else "''"
        columns = f"level, {ends}, {part} AS day_part, {day_type} AS day_type, {rest}"
        apart = f"origin_{place}_id <> destination_{place}_id AND {where}"
        return of.rows(name, cadence, columns, apart, "ORDER BY trips DESC LIMIT 1")

    morning = "day_part = 'morning'"
    day = pairs("district_pair", "day", "district", "''", morning)
    zones = pairs("zone_pair", "day", "zone", "''", "true")
    same = f"{morning} AND origin_district_name = '{day[0]['from']}' AND day_type = 'weekday'"
    same += f" AND destination_district_name = '{day[0]['to']}'"
    week = pairs("district_pair_week", "week", "district", "day_type", same)
    yield from table([*day, *zones, *week])
    one, many = day[0], week[0]
    way = f"from {one['from']} to {one['to']}"
    yield f"On this Tuesday morning, opted-in subscribers made about {one['trips']:,} trips {way}."
    yield f"On the five mornings of the week, they made {many['trips']:,}; all residents made about {many['people']:,}."


def catchment(of: Delivered) -> Iterator[str]:
    """The two districts in which most visitors of a zone live."""
    columns = "zone_name, home_district_name, persons, persons_low, persons_high, share, share_low, share_high, "
    here = f"zone_id = '{PLACE}'"
    homes = of.rows(
        "zone_home_district", "month", f"{columns}{PEOPLE}, reliability", here, "ORDER BY persons DESC LIMIT 2"
    )
    yield from table(homes)
    (core,) = of.rows("core_size", "month", "districts, districts_low, districts_high", f"{here} AND core_percent = 50")
    (half,) = of.rows("distance", "month", "kilometres", f"{here} AND statistic = 'median'")
    first = homes[0]
    yield (
        f"About {100 * first['share']:.1f} % of the month's visitors of {first['zone_name']} live in "
        f"{first['home_district_name']}. About {first['people']:,} of all residents are such visitors."
    )
    far, few = half["kilometres"], core["districts"]
    yield f"Half of the visitors live in {few} districts (`core_size`), and half within {far} km (`distance`)."


def loyalty(of: Delivered) -> Iterator[str]:
    """How often the visitors of a zone of the centre come back."""
    columns = "zone_name, days, persons, persons_low, persons_high, share, share_low, share_high, "
    rows = of.rows("zone_days", "month", f"{columns}{PEOPLE}, reliability", f"zone_id = '{PLACE}'", "ORDER BY days")
    yield from table(rows)
    once, often = rows[0], rows[-1]
    yield f"About {100 * often['share']:.0f} % of the visitors of {often['zone_name']} came on eight days or more."
    yield f"{100 * once['share']:.0f} % came on one day."


EXAMPLES: dict[str, Callable[[Delivered], Iterator[str]]] = {
    "footfall": footfall,
    "visitors": visitors,
    "dwell": dwell,
    "origin_destination": origin_destination,
    "catchment": catchment,
    "loyalty": loyalty,
}
