"""The nearest cell to coordinates, in SQL: each cell is in nine squares of a grid of the maximum distance."""

from tasks.events.formats.sections import EventCell

_METRES_A_DEGREE = 111_000
"""A little less than it is, so that no square is too narrow."""
_EARTH_RADIUS_M = 6_371_008.8


def tables(cell: EventCell) -> str:
    """Common table expressions `scale` and `square`: cells by the squares from which they may be the nearest."""
    return f"""
    scale AS (SELECT {cell.within_m} / {_METRES_A_DEGREE} AS dy,
              dy / cos(radians(least(89.9, coalesce(max(abs(latitude)), 0) + dy))) AS dx FROM read_parquet($cells)),
    place AS (SELECT latitude, longitude, min(version) OVER (PARTITION BY cell_id) AS rank
              FROM read_parquet($cells) WHERE version >= 0),
    square AS (SELECT CAST(floor(latitude / dy) AS BIGINT) + near.y AS y,
               CAST(floor(longitude / dx) AS BIGINT) + near.x AS x,
               list({{'latitude': latitude, 'longitude': longitude, 'rank': rank}}) AS places
               FROM place, scale, (FROM range(-1, 2) AS a(y), range(-1, 2) AS b(x)) AS near GROUP BY ALL),"""


def join(wanted: str) -> str:
    """The join with the square of an event's coordinates, where `wanted` is true; it never repeats a row."""
    return f"""LEFT JOIN square
        ON square.y = CASE WHEN {wanted} THEN TRY_CAST(floor(event.latitude / (SELECT dy FROM scale)) AS BIGINT) END
        AND square.x = TRY_CAST(floor(event.longitude / (SELECT dx FROM scale)) AS BIGINT)"""


def rank(cell: EventCell) -> str:
    """SQL of the rank of the nearest cell, the lowest of equally near ones; NULL if none is near enough."""
    north, east = "radians(p.latitude - event.latitude)", "radians(p.longitude - event.longitude)"
    half = (
        f"pow(sin({north} / 2), 2) + cos(radians(p.latitude)) * cos(radians(event.latitude)) * pow(sin({east} / 2), 2)"
    )
    # beyond a pole a cosine is negative, and rounding can leave a little less than nothing
    metres = f"{2 * _EARTH_RADIUS_M} * asin(sqrt(greatest(0, least(1, {half}))))"
    found = f"list_min(list_transform(square.places, lambda p: {{'metres': {metres}, 'rank': p.rank}}))"
    return f"list_transform([{found}], lambda f: CASE WHEN f.metres <= {cell.within_m} THEN f.rank END)[1]"
