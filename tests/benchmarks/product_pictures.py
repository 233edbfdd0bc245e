"""The pictures of product pages, docs/images/PRODUCT.svg, from a client's deliveries of a simulated city.

A product's picture is a function in PICTURES: from its folder to panels of bars.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from tasks.products.dimensions import DAY_PARTS

IMAGES = Path("docs/images")
COLOURS = ("#6c9ac3", "#f0bd88", "#a6cc95", "#bbb0dc")
LEGEND = "line: 90 % interval; no bar: withheld"
LEFT, WIDTH, ROW, BAR = 105, 250, 30, 11


class Bar(NamedTuple):
    """A delivered number with its interval, in a row of a panel, and the series that its colour stands for."""

    row: str
    series: str
    value: float
    low: float
    high: float


class Panel(NamedTuple):
    """Bars under a heading."""

    heading: str
    bars: Sequence[Bar]


def rows(folder: Path, table: str, cadence: str, columns: str, where: str = "true") -> list[Bar]:
    """The shown numbers of a delivered table: `columns` are row, series, value, low and high, in SQL."""
    files = folder / f"*/data/{table}/cadence={cadence}/*/*/*.parquet"
    sql = f"SELECT {columns} FROM '{files}' WHERE status = 'estimate' AND {where} ORDER BY 1, 2 DESC"
    return [Bar(*row) for row in duckdb.execute(sql).fetchall()]


def visitors(folder: Path) -> Iterator[Panel]:
    """Persons of a day and of its week; visits of the day by when they began."""
    some = "zone_id IN (SELECT DISTINCT zone_id FROM '{}' ORDER BY 1 LIMIT 8)".format(
        folder / "*/data/zone/cadence=day/*/*/*.parquet"
    )
    persons = "zone_name, '{}', persons, persons_low, persons_high"
    day, week = (rows(folder, "zone", each, persons.format(f"in a {each}"), some) for each in ("day", "week"))
    yield Panel("Persons", [*day, *week])
    visits = "zone_name, arrival, visits, visits_low, visits_high"
    yield Panel("Visits of the day, by arrival", rows(folder, "zone_visits", "day", visits, some))


def dwell(folder: Path) -> Iterator[Panel]:
    """Quartiles of a week by the part of the day in which visits began, in two zones."""
    found = rows(folder, "dwell_time", "week", "day_part, zone_name, 0, 0, 0", "statistic = 'median'")
    shown = Counter(bar.series for bar in found)
    for zone in sorted(shown, key=lambda name: (-shown[name], name))[:2]:
        columns = "day_part, replace(statistic, '_quartile', ''), minutes, minutes_low, minutes_high"
        bars = rows(folder, "dwell_time", "week", columns, f"statistic NOT LIKE 'mean%' AND zone_name = '{zone}'")
        parts, order = ["all", *DAY_PARTS], ["lower", "median", "upper"]
        ordered = sorted(bars, key=lambda bar: (parts.index(bar.row), order.index(bar.series)))
        yield Panel(f"{zone}: quartiles, minutes", ordered)


def loyalty(folder: Path) -> Iterator[Panel]:
    """Shares of a zone's visitors by the number of days."""
    columns = "zone_name, days, 100 * share, 100 * share_low, 100 * share_high"
    bars = sorted(rows(folder, "zone_days", "month", columns, "zone_id <= 'Z0010'"), key=lambda bar: bar[:2])
    zones = sorted({bar.row for bar in bars})
    half = zones[: len(zones) // 2]
    yield Panel("Visitors by days, %", [bar for bar in bars if bar.row in half])
    yield Panel("Further zones", [bar for bar in bars if bar.row not in half])


def origin_destination(folder: Path) -> Iterator[Panel]:
    """Trips of a week's working days into and out of one district, by the other one and the part of the day."""
    trips, common = "trips, trips_low, trips_high", "day_type = 'weekday' AND day_part IN ('morning', 'afternoon')"
    for way, one, other in (("to", "destination", "origin"), ("from", "origin", "destination")):
        columns = f"replace({other}_district_name, '-Mitte', ''), day_part, {trips}"
        place = f"{one}_district_id = 'D001' AND {other}_district_id <> 'D001' AND {common}"
        yield Panel(f"Trips {way} Linden-Mitte", rows(folder, "district_pair_week", "week", columns, place))


def catchment(folder: Path) -> Iterator[Panel]:
    """Shares of home districts among the visitors of two zones, and how far away they live."""
    columns = "replace(home_district_name, '-Mitte', ''), zone_name, 100 * share, 100 * share_low, 100 * share_high"
    where = "zone_id IN ('Z0001', 'Z0058')"
    yield Panel("Visitors by home, %", rows(folder, "zone_home_district", "month", columns, where))
    named = "replace(replace(statistic, 'ninetieth_', '90th '), '_', ' ')"
    columns = f"{named}, zone_name, kilometres, kilometres_low, kilometres_high"
    order = ["lower quartile", "median", "upper quartile", "90th percentile"]
    bars = rows(folder, "distance", "month", columns, where)
    yield Panel("Distance, km", sorted(bars, key=lambda bar: order.index(bar.row)))


PICTURES: dict[str, Callable[[Path], Iterator[Panel]]] = {
    "visitors": visitors,
    "dwell": dwell,
    "loyalty": loyalty,
    "origin_destination": origin_destination,
    "catchment": catchment,
}


def picture(title: str, panels: Sequence[Panel]) -> str:
    """The panels beside each other, as SVG."""
    height = 115 + max(row_height(panel) * len({bar.row for bar in panel.bars}) for panel in panels)
    width = len(panels) * (LEFT + WIDTH + 60)
    colours = dict(zip(dict.fromkeys(bar.series for panel in panels for bar in panel.bars), COLOURS, strict=False))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="13">',
            "<style>text{font-family:sans-serif;dominant-baseline:middle}.strong{font-weight:bold}.end{text-anchor:end}"
            ".mid{text-anchor:middle}</style>",
            f'<title>{title}</title><rect width="{width}" height="{height}" fill="#fff"/>',
            *(
                line
                for n, panel in enumerate(panels)
                for line in _panel(panel, n * (LEFT + WIDTH + 60) + 10, height, colours)
            ),
            f'<text x="{width - 10}" y="{height - 10}" class="end" fill="#555">{LEGEND}</text>',
            "</svg>\n",
        ]
    )


def row_height(panel: Panel) -> int:
    """Of a panel's rows, which hold a bar for each series."""
    return max(ROW, 6 + (BAR + 1) * len({bar.series for bar in panel.bars}))


def _panel(panel: Panel, left: int, height: int, colours: Mapping[str, str]) -> Iterator[str]:
    """A series has one colour in all panels."""
    names = list(dict.fromkeys(bar.row for bar in panel.bars))
    series = [name for name in colours if any(bar.series == name for bar in panel.bars)]
    top = max(bar.high for bar in panel.bars) * 1.02
    yield f'<text x="{left}" y="18" font-size="15" class="strong">{panel.heading}</text>'
    for number, name in enumerate(series):
        x = left + LEFT + number * min(100, WIDTH // len(series))
        yield f'<rect x="{x}" y="36" width="11" height="11" fill="{colours[name]}"/>'
        yield f'<text x="{x + 16}" y="42">{name}</text>'
    for mark in _marks(top):
        at = left + LEFT + mark / top * WIDTH
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="58" y2="{height - 49}" stroke="#ddd"/>'
        yield f'<text x="{at:.1f}" y="{height - 35}" class="mid">{mark:,}</text>'
    for number, name in enumerate(names):
        yield f'<text x="{left + LEFT - 8}" y="{62 + number * row_height(panel) + BAR}" class="end">{name}</text>'
    for bar in panel.bars:
        y = 62 + names.index(bar.row) * row_height(panel) + series.index(bar.series) * (BAR + 1)
        start, end, low, high = (left + LEFT + each / top * WIDTH for each in (0, bar.value, max(bar.low, 0), bar.high))
        colour = colours[bar.series]
        yield f'<rect x="{start}" y="{y}" width="{end - start:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y + BAR / 2}" y2="{y + BAR / 2}" stroke="#000"/>'


def _marks(top: float) -> list[int]:
    step = next(
        step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 10**6) if top / step <= 5
    )
    return list(range(0, int(top) + 1, step))


def draw(product: str, folder: Path) -> None:
    """Write a product's picture."""
    svg = picture(f"{product} of a simulated city", list(PICTURES[product](folder / product)))
    (IMAGES / f"{product}.svg").write_text(svg)
