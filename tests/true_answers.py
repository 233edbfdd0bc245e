"""What each product's question has for an answer in a simulated city: from truth/stays, presence and homes alone.

An entry of ANSWERS is a query for a level: its key columns, `value`, and, where the value is no count, `size`: the
number of persons or visits behind it. A stay shorter than the minimum dwell is a move. A person counts
from the first day that begins within their consent. A key without a row is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.true_places import Zones, far, zones

Answers = Mapping[str, str]

_PERSON = """CREATE TABLE person AS
    SELECT subscriber_id, kind, counted_from, age_band, coalesce(gender, 'x') AS gender,
        lived.into_id AS home_id, coalesce(lived.district_id, 'unknown') AS home_district_id, worked.into_id AS work_id
    FROM read_parquet('{truth}/homes.parquet') AS homes
    LEFT JOIN zone AS lived ON lived.zone_id = home_zone_id LEFT JOIN zone AS worked ON worked.zone_id = work_zone_id
    WHERE counted"""

_STAY = """CREATE OR REPLACE TABLE stay AS
    WITH told AS (SELECT * EXCLUDE zone_id, coalesce(into_id, '') AS zone_id, min(arrived_at) OVER (PARTITION BY date)
                AS day_begins, max(left_at) OVER (PARTITION BY date) AS day_ends
            FROM read_parquet('{truth}/stays/*/*.parquet', hive_partitioning = true) LEFT JOIN zone USING (zone_id)
            WHERE date BETWEEN '{first}' AND '{last}'),
        marked AS (SELECT *, zone_id IS DISTINCT FROM lag(zone_id) OVER day AS moved FROM told
            WINDOW day AS (PARTITION BY subscriber_id, date ORDER BY arrived_at)),
        numbered AS (SELECT *, count(*) FILTER (moved) OVER (PARTITION BY subscriber_id, date ORDER BY arrived_at)
            AS number FROM marked),
        whole AS (SELECT subscriber_id, date, zone_id, day_begins, day_ends, min(arrived_at) AS began,
                max(left_at) AS ended
            FROM numbered GROUP BY subscriber_id, date, zone_id, day_begins, day_ends, number)
    SELECT subscriber_id, date, nullif(zone_id, '') AS zone_id, began, ended, {part} AS day_part,
        began = day_begins AS from_before, ended = day_ends AS goes_on, epoch(ended - began) / 60 AS minutes,
        hour(timezone('{timezone}', ended - INTERVAL 1 SECOND)) AS left_hour
    FROM whole JOIN person USING (subscriber_id)
    WHERE epoch(ended - began) >= {least} AND day_begins >= counted_from"""

_DAY_PART = """CASE WHEN {hour} < 6 THEN 'night' WHEN {hour} < 10 THEN 'morning' WHEN {hour} < 15 THEN 'midday'
    WHEN {hour} < 19 THEN 'afternoon' ELSE 'evening' END"""

_PRESENT = """(SELECT into_id AS zone_id, district_id, hour_start, age_band, gender, home_district_id, home_id
    FROM read_parquet('{truth}/presence/date={first}/*.parquet') JOIN zone USING (zone_id)
    JOIN person USING (subscriber_id) QUALIFY min(hour_start) OVER () >= counted_from)"""

_VISITOR = """(SELECT DISTINCT subscriber_id, zone_id, age_band, gender, home_district_id, CASE
        WHEN zone_id = home_id THEN 'resident'
        WHEN zone_id = work_id AND kind IN ('worker', 'student', 'night_worker', 'outside_commuter') THEN 'worker'
        ELSE 'visitor' END AS role
    FROM stay JOIN person USING (subscriber_id) WHERE zone_id IS NOT NULL)"""

_VISIT = """(SELECT *, CASE WHEN goes_on THEN 'overnight' WHEN minutes < 5 THEN '0-5' WHEN minutes < 15 THEN '5-15'
        WHEN minutes < 30 THEN '15-30' WHEN minutes < 60 THEN '30-60' WHEN minutes < 120 THEN '60-120'
        WHEN minutes < 240 THEN '120-240' WHEN minutes < 480 THEN '240-480' ELSE '480+' END AS dwell_bin
    FROM stay WHERE zone_id IS NOT NULL AND NOT from_before)"""

_TIMED = f"""(SELECT zone_id, unnest([day_part, 'all']) AS day_part, minutes FROM {_VISIT} WHERE NOT goes_on)"""

_TRIP = """(SELECT date, origin.district_id AS origin_district_id, destination.district_id AS destination_district_id,
        origin.zone_id AS origin_zone_id, destination.zone_id AS destination_zone_id, {left_part} AS day_part,
        CASE WHEN isodow(date) > 5 THEN 'weekend' ELSE 'weekday' END AS day_type
    FROM (SELECT date, zone_id, left_hour, lead(zone_id) OVER (PARTITION BY subscriber_id, date ORDER BY began)
        AS next_id FROM stay)
    JOIN zone AS origin USING (zone_id) JOIN zone AS destination ON destination.zone_id = next_id
    WHERE origin.zone_id <> destination.zone_id)"""

_LIVING = f"""(SELECT zone_id, home_district_id, count(*) AS persons FROM {_VISITOR}
    WHERE home_district_id <> 'unknown' GROUP BY ALL)"""

_RANKED = f"""(SELECT zone_id, home_district_id, sum(persons) OVER (PARTITION BY zone_id) AS size,
        (sum(persons) OVER (PARTITION BY zone_id ORDER BY persons DESC, home_district_id) - persons)
        / sum(persons) OVER (PARTITION BY zone_id) AS before FROM {_LIVING})"""

_FAR = f"""(SELECT zone_id, km, sum(persons) OVER (PARTITION BY zone_id) AS size,
        sum(persons) OVER (PARTITION BY zone_id ORDER BY km, home_district_id)
        / sum(persons) OVER (PARTITION BY zone_id) AS held FROM {_LIVING} JOIN far USING (zone_id, home_district_id))"""


def _count(keys: str, of: str) -> str:
    return f"SELECT {keys}, count(*) AS value FROM {of} GROUP BY ALL"


def _per_statistic(of: Mapping[str, str], keys: str, rows: str, size: str) -> str:
    """One row for each statistic; `of`: its expression."""
    return " UNION ALL ".join(
        f"SELECT {keys}, '{name}' AS statistic, {value} AS value, {size} AS size FROM {rows} GROUP BY {keys}"
        for name, value in of.items()
    )


_DWELL = {
    "zone_dwell": _count("zone_id, day_part, dwell_bin", _VISIT),
    "dwell_time": _per_statistic(
        {
            "lower_quartile": "quantile_cont(minutes, 0.25)",
            "median": "quantile_cont(minutes, 0.5)",
            "upper_quartile": "quantile_cont(minutes, 0.75)",
            "mean": "avg(minutes)",
        },
        "zone_id, day_part",
        _TIMED,
        "count(*)",
    ),
}
_FLOWS = {
    name: f"""SELECT {of}_district_id AS district_id, day_part, count(*) AS value FROM {_TRIP}
        WHERE origin_district_id <> destination_district_id GROUP BY ALL"""
    for name, of in (("outflow", "origin"), ("inflow", "destination"))
}

ANSWERS: Mapping[str, Answers] = {
    "footfall.day": {
        "zone_hour": _count("zone_id, hour_start", _PRESENT),
        "district_hour_demographic": _count("district_id, hour_start, age_band, gender", _PRESENT),
    },
    "visitors.day": {
        "zone": _count("zone_id", _VISITOR),
        "zone_visits": """SELECT zone_id, if(from_before, 'before', 'today') AS arrival, count(*) AS value
            FROM stay GROUP BY ALL""",
    },
    "visitors.week": {
        "zone_demographic": _count("zone_id, age_band, gender", _VISITOR),
        "zone": _count("zone_id", _VISITOR),
    },
    "visitors.month": {
        "zone_demographic": _count("zone_id, age_band, gender", _VISITOR),
        "zone_role": _count("zone_id, role", _VISITOR),
        "zone": _count("zone_id", _VISITOR),
    },
    "dwell.day": _DWELL,
    "dwell.week": _DWELL,
    "origin_destination.day": {
        "district_pair": _count("origin_district_id, destination_district_id, day_part", _TRIP),
        "zone_pair": _count("origin_zone_id, destination_zone_id", _TRIP),
        **_FLOWS,
    },
    "origin_destination.week": {
        "district_pair_week": _count("origin_district_id, destination_district_id, day_part, day_type", _TRIP),
        "zone_pair_week": _count("origin_zone_id, destination_zone_id, day_type", _TRIP),
        **{f"{name}_week": query.replace("day_part,", "day_part, day_type,", 1) for name, query in _FLOWS.items()},
    },
    "catchment.month": {
        "zone_home_district": _count("zone_id, home_district_id", _VISITOR),
        "core": f"""SELECT zone_id, home_district_id, size, CASE WHEN before < 0.5 THEN 50 WHEN before < 0.7 THEN 70
            WHEN before < 0.9 THEN 90 ELSE 100 END AS value FROM {_RANKED}""",
        "core_size": f"""SELECT zone_id, core_percent, any_value(size) AS size,
            count(*) FILTER (before < core_percent / 100) AS value
            FROM {_RANKED}, (SELECT unnest([50, 70, 90]) AS core_percent) GROUP BY ALL""",
        "distance": _per_statistic(
            {
                "lower_quartile": "min(km) FILTER (held >= 0.25)",
                "median": "min(km) FILTER (held >= 0.5)",
                "upper_quartile": "min(km) FILTER (held >= 0.75)",
                "ninetieth_percentile": "min(km) FILTER (held >= 0.9)",
            },
            "zone_id",
            _FAR,
            "any_value(size)",
        ),
    },
    "loyalty.month": {
        "zone_days": """SELECT zone_id, CASE WHEN days = 1 THEN '1' WHEN days < 4 THEN '2-3' WHEN days < 8 THEN '4-7'
                ELSE '8+' END AS days, count(*) AS value
            FROM (SELECT zone_id, subscriber_id, count(DISTINCT date) AS days FROM stay
                WHERE zone_id IS NOT NULL GROUP BY ALL) GROUP BY ALL""",
    },
    "panel.month": {
        "district_demographic": _count("home_district_id AS district_id, age_band, gender", "person"),
    },
}
"""By part of a product, then by level."""
COMPOSITION: Answers = {
    "strata": _count("zone_id, hour_start, home_district_id, age_band, gender", _PRESENT),
    "homes": _count("zone_id, hour_start, home_id", _PRESENT),
}
"""Who was where on a day, by home district, age band and gender, and by home zone."""


@dataclass(frozen=True)
class Truth:
    """A city's truth/, for questions about periods."""

    landing: Path
    merged: Mapping[str, str]
    """Sensitive zone -> the zone that took it: a public fact."""
    timezone: str
    least_minutes: int
    folder: str = "truth"
    """`truth/census`: of the persons that population.csv counts, in place of counted subscribers."""

    def answers(self, part: str, first: date, last: date) -> dict[str, pa.Table]:
        """The true answer of each level of a part, over the days of a period."""
        return self.asked(ANSWERS[part], first, last)

    def asked(self, queries: Answers, first: date, last: date) -> dict[str, pa.Table]:
        """What queries find."""
        with duckdb.connect() as con:
            plan: Zones = zones(self.landing, self.merged)
            con.register("zone", plan.table)
            con.register("far", far(plan))
            con.execute(self._filled(_PERSON, first, last))
            con.execute(self._filled(_STAY, first, last))
            return {name: con.sql(self._filled(query, first, last)).to_arrow_table() for name, query in queries.items()}

    def _filled(self, query: str, first: date, last: date) -> str:
        hour = f"hour(timezone('{self.timezone}', began))"
        return query.format(
            truth=self.landing / self.folder,
            first=first,
            last=last,
            timezone=self.timezone,
            least=60 * self.least_minutes,
            part=_DAY_PART.format(hour=hour),
            left_part=_DAY_PART.format(hour="left_hour"),
        )
