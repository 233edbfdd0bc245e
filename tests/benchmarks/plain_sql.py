"""The yardsticks, in DuckDB alone: `python -m tests.benchmarks.plain_sql scan|chain LANDING DAY OUT`.

scan: one group-by over the columns that ingest needs. chain: the way of ingest as one would write it in SQL, with
windows and distinct; without pseudonyms, profile, month state, quarantine or account.
"""

import os
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from tasks import policy_file
from tasks.mobility.day import walk_rules
from tasks.mobility.plans import load_plans
from tasks.period import day_start

SCAN = "SELECT cell_id, count(*), max(subscriber_id), max(event_at) FROM read_parquet($events) GROUP BY cell_id"

CHAIN = """
COPY (
    WITH panel AS (
        SELECT subscriber_id, min(granted_at) AS granted FROM read_parquet($subscribers) AS subscribers
        JOIN read_parquet($consents) AS consents USING (subscriber_id)
        WHERE $year - birth_year > $minimum_age AND segment = 'consumer' AND home_mcc = $home_mcc
          AND purpose = 'insights' AND channel IS NOT NULL AND text_version IS NOT NULL AND withdrawn_at IS NULL
        GROUP BY subscriber_id),
    event AS (
        SELECT subscriber_id, epoch_us(event_at) // 1000000 - $start AS second, cells.version AS cell, zone,
               latitude, longitude
        FROM read_parquet($events) AS e JOIN panel USING (subscriber_id)
        JOIN cells ON e.cell_id = cells.cell_id
         AND epoch_us(event_at) // 1000000 - $start >= from_second
         AND epoch_us(event_at) // 1000000 - $start < to_second
        WHERE event_at >= granted),
    places AS (
        SELECT *, min(zone) OVER (PARTITION BY subscriber_id, second) AS first_zone,
               max(zone) OVER (PARTITION BY subscriber_id, second) AS last_zone FROM event),
    distinct_rows AS (SELECT DISTINCT * FROM places WHERE first_zone = last_zone),
    ways AS (
        SELECT *, lag(second) OVER way AS second_before, lead(second) OVER way AS second_after,
               haversine(latitude, longitude, lag(latitude) OVER way, lag(longitude) OVER way) AS from_before,
               haversine(latitude, longitude, lead(latitude) OVER way, lead(longitude) OVER way) AS to_after
        FROM distinct_rows WINDOW way AS (PARTITION BY subscriber_id ORDER BY second, cell)),
    possible AS (
        SELECT * FROM ways WHERE NOT coalesce(
            from_before > greatest($speed_m, $speed_mps * (second - second_before))
            AND to_after > greatest($speed_m, $speed_mps * (second_after - second)), false)),
    neighbours AS (
        SELECT *, lag(zone) OVER way AS zone_before, lead(zone) OVER way AS zone_after,
               coalesce(lag(second) OVER way, 0) AS earlier, coalesce(lead(second) OVER way, $length) AS later
        FROM (SELECT subscriber_id, zone, second, cell FROM possible)
        WINDOW way AS (PARTITION BY subscriber_id ORDER BY second, cell)),
    gaps AS (
        SELECT *, second - earlier <= CASE WHEN list_contains($night, (earlier + second) // 2 // 3600)
               THEN $max_gap_night ELSE $max_gap_day END AS held_before, later - second <= CASE
               WHEN list_contains($night, (second + later) // 2 // 3600)
               THEN $max_gap_night ELSE $max_gap_day END AS held_after FROM neighbours),
    holds AS (
        SELECT subscriber_id, zone,
               CASE WHEN zone_before IS NULL THEN if(held_before, 0, greatest(0, second - $max_hold))
                    WHEN zone_before = zone AND held_before THEN second
                    ELSE second - least((second - earlier) // 2, $max_hold) END AS first,
               CASE WHEN zone_after IS NULL THEN if(held_after, $length, least($length, second + $max_hold))
                    WHEN zone_after = zone AND held_after THEN later
                    ELSE second + least((later - second + 1) // 2, $max_hold) END AS last
        FROM gaps),
    hours AS (
        SELECT subscriber_id, zone, first, last, unnest(range(first // 3600, (last - 1) // 3600 + 1)) AS hour
        FROM holds WHERE zone >= 0 AND last > first),
    seconds AS (
        SELECT subscriber_id, hour, zone,
               sum(least(last, hour * 3600 + 3600) - greatest(first, hour * 3600)) AS seconds
        FROM hours GROUP BY ALL)
    SELECT subscriber_id, hour, zone FROM seconds
    QUALIFY row_number() OVER (PARTITION BY subscriber_id, hour ORDER BY seconds DESC, zone) = 1
    ORDER BY subscriber_id, hour
) TO '{out}' (FORMAT parquet, COMPRESSION zstd)
"""

HAVERSINE = """
CREATE MACRO haversine(a, b, c, d) AS 2 * 6371008.8 * asin(sqrt(least(1, pow(sin(radians(c - a) / 2), 2)
    + cos(radians(a)) * cos(radians(c)) * pow(sin(radians(d - b) / 2), 2))))
"""


def chain(con: duckdb.DuckDBPyConnection, landing: Path, day: date, out: Path) -> None:
    """Landing to a presence file in one statement."""
    shipped = policy_file.load().policy
    cells = load_plans(landing, day, shipped.time).cells
    table = cells.table().slice(0, len(cells.zone))
    for name in ("zone", "latitude", "longitude"):
        table = table.append_column(name, [getattr(cells, name)])
    pq.write_table(table, out / "cells.parquet")
    con.execute(f"CREATE TEMP TABLE cells AS FROM read_parquet('{out / 'cells.parquet'}')")
    con.execute(HAVERSINE)
    rules = walk_rules(shipped, day, 1)
    start, end = (day_start(d, shipped.time.local) for d in (day, day + timedelta(days=1)))
    con.execute(
        CHAIN.format(out=out / "presence.parquet"),
        {
            "events": str(landing / "events" / f"date={day}" / "*.parquet"),
            "subscribers": str(landing / "subscribers.parquet"),
            "consents": str(landing / "consents.parquet"),
            "year": day.year,
            "minimum_age": shipped.who.minimum_age,
            "home_mcc": shipped.who.home_mcc,
            "start": int(start.timestamp()),
            "length": int((end - start).total_seconds()),
            "night": np.flatnonzero(rules.night).tolist(),
            **rules.silence._asdict(),
            "speed_m": 1000 * shipped.walk.speed_km,
            "speed_mps": shipped.walk.speed_mps,
        },
    )


def main(what: str, landing: Path, day: date, out: Path) -> None:
    with duckdb.connect(":memory:", config={"threads": os.cpu_count() or 1, "temp_directory": str(out)}) as con:
        if what == "scan":
            con.execute(SCAN, {"events": str(landing / "events" / f"date={day}" / "*.parquet")}).fetchall()
        else:
            chain(con, landing, day, out)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), date.fromisoformat(sys.argv[3]), Path(sys.argv[4]))
