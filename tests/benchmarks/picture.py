"""Draw docs/images/demo.svg from the last `make demo`: `python -m tests.benchmarks.picture`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

DEMO = Path(".throng/demo")
PICTURE = Path("docs/images/demo.svg")
HOURS = (4, 9, 14, 19)
ZONES = ("Z0008", "Z0003")
"""A large and a small zone, none of which took in a sensitive one."""

_ROWS = f"""
    SELECT zone_id, zone_name, local_hour, people, people_low, people_high
    FROM '{DEMO}/clients/nordmarkt/footfall/v3/data/zone_hour/*/*/*/footfall.parquet'
    WHERE status = 'estimate' ORDER BY local_hour"""
_TRUTH = f"""
    SELECT zone_id, local_hour, count(*) FROM '{DEMO}/landing/truth/census/presence/*/*.parquet' AS presence
    JOIN '{DEMO}/landing/truth/census/homes.parquet' AS homes USING (subscriber_id) WHERE homes.counted GROUP BY ALL"""


def _maps(shapes: list[dict[str, Any]], values: dict[tuple[str, int], float]) -> Iterator[str]:
    rings = {shape["properties"]["zone_id"]: shape["geometry"]["coordinates"][0] for shape in shapes}
    west, south = (min(point[axis] for ring in rings.values() for point in ring) for axis in (0, 1))
    east, north = (max(point[axis] for ring in rings.values() for point in ring) for axis in (0, 1))
    top = max(values.values())
    for number, hour in enumerate(HOURS):
        left, upper = 40 + number % 2 * 180, 66 + number // 2 * 190
        yield f'<text x="{left}" y="{upper - 8}" class="strong">{hour}:00</text>'
        for zone, ring in rings.items():
            points = [((x - west) / (east - west), (north - y) / (north - south)) for x, y in ring]
            shape = " ".join(f"{left + x * 150:.1f},{upper + y * 150:.1f}" for x, y in points)
            shade = 0.08 + 0.92 * values.get((zone, hour), 0) / top  # withheld: lightest
            yield f'<polygon points="{shape}" fill="#0b5394" fill-opacity="{shade:.2f}" stroke="#fff"/>'


def _lines(rows: list[tuple[Any, ...]], truth: dict[tuple[str, int], int]) -> Iterator[str]:
    top = max(*(row[5] for row in rows if row[0] in ZONES), *truth.values()) * 1.02

    def at(hour: int, value: float) -> str:
        return f"{455 + hour * 16.5:.1f},{396 - value / top * 330:.1f}"

    for mark in range(0, int(top), 2000):
        y = at(0, mark).split(",")[1]
        yield f'<line x1="455" x2="835" y1="{y}" y2="{y}" stroke="#ddd"/>'
        yield f'<text x="447" y="{y}" class="end">{mark:,}</text>'
    for hour in range(0, 24, 4):
        yield f'<text x="{at(hour, 0).split(",")[0]}" y="416" class="mid">{hour}:00</text>'
    for zone, colour in zip(ZONES, ("#0b5394", "#b45f06"), strict=True):
        mine = [row for row in rows if row[0] == zone]
        band = [at(row[2], row[5]) for row in mine] + [at(row[2], row[4]) for row in reversed(mine)]
        yield f'<polygon points="{" ".join(band)}" fill="{colour}" fill-opacity=".25"/>'
        line = " ".join(at(row[2], row[3]) for row in mine)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for row in mine:
            x, y = at(row[2], truth[zone, row[2]]).split(",")
            yield f'<circle cx="{x}" cy="{y}" r="3" fill="#fff" stroke="{colour}"/>'
        x, y = at(23, mine[-1][3]).split(",")
        yield f'<text x="{float(x) + 8}" y="{y}" fill="{colour}" class="strong">{mine[0][1]}</text>'


def draw() -> None:
    """Write the picture: maps of four hours, and two zones' day with intervals and the simulated truth."""
    rows = duckdb.execute(_ROWS).fetchall()
    truth = {(zone, hour): count for zone, hour, count in duckdb.execute(_TRUTH).fetchall()}
    (plan,) = DEMO.glob("clients/nordmarkt/footfall/v3/reference/*/*/zones.geojson")
    values = {(row[0], row[2]): row[3] for row in rows}
    PICTURE.write_text(
        "\n".join(
            [
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 450" font-size="13">',
                "<style>text{font-family:sans-serif}.strong{font-weight:bold}.end{text-anchor:end;dominant-baseline:middle}"
                ".mid{text-anchor:middle}</style>",
                "<title>Footfall of a simulated city: maps of four hours, and one day in two zones</title>"
                '<rect width="940" height="450" fill="#fff"/>',
                '<text x="40" y="28" font-size="15" class="strong">People by zone, 2026-03-03</text>',
                '<text x="455" y="28" font-size="15" class="strong">One day in two zones</text>',
                '<text x="455" y="48" fill="#555">line: people as delivered, band: 90 % interval, '
                "circles: simulated truth</text>",
                *_maps(json.loads(plan.read_text())["features"], values),
                *_lines(rows, truth),
                "</svg>\n",
            ]
        )
    )


if __name__ == "__main__":
    draw()
