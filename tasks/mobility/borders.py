"""Which zones overlap, and which neighbour takes in a sensitive zone: shapes only, by index."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

SLIVER = 0.01
"""Two zones overlap if they share more than this part of the smaller one; less is a digitising fault."""
TOUCH = 1e-5
"""Degrees, about a metre: borders this near are common."""
CORNER = 10 * TOUCH
"""A common border no longer than this is a corner."""

Shapes = NDArray[Any]


def overlapping(shapes: Shapes) -> list[tuple[int, int]]:
    """Pairs of polygons (indices, ascending) that share more than a sliver."""
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    a, b = a[a < b], b[a < b]
    common = shapely.area(shapely.intersection(shapes[a], shapes[b]))
    bad = common > SLIVER * np.minimum(shapely.area(shapes[a]), shapely.area(shapes[b]))
    return sorted(zip(a[bad].tolist(), b[bad].tolist(), strict=True))


def merge_sensitive(
    shapes: Shapes, district: NDArray[np.integer], sensitive: NDArray[np.bool_]
) -> tuple[dict[int, int], list[int]]:
    """Union each sensitive shape, in place, into the same-district neighbour with the longest common border.

    Returns {sensitive: taker} and the sensitive ones that no neighbour can take. Ties go to the lowest index; a
    sensitive shape among sensitive ones waits until a neighbour has been taken in.
    """
    takers: dict[int, int] = {}
    waiting = [int(n) for n in np.flatnonzero(sensitive)]
    while waiting:
        possible = ((n, _longest_border(n, shapes, district, waiting, takers)) for n in waiting)
        found = next(((n, into) for n, into in possible if into is not None), None)
        if found is None:
            break
        n, into = found
        shapes[into] = shapely.normalize(shapely.union(shapes[into], shapes[n]))
        takers[n] = into
        waiting.remove(n)
    return takers, waiting


def _longest_border(
    n: int, shapes: Shapes, district: NDArray[np.integer], waiting: list[int], takers: dict[int, int]
) -> int | None:
    """The zone with the longest border in common with zone n, or None if there is none to take it."""
    gone = {*waiting, *takers}
    others = [int(m) for m in np.flatnonzero(district == district[n]) if m not in gone]
    if not others:
        return None
    lengths = _common_border(shapes[n], shapes[others])
    best = int(np.argmax(lengths))
    return others[best] if lengths[best] > CORNER else None


def _common_border(shape: Any, others: Shapes) -> NDArray[np.float64]:
    """Lengths in degrees of latitude, both axes at the same scale."""
    shrink = np.array([np.cos(np.radians(shape.centroid.y)), 1.0])
    border = shapely.transform(shape.boundary, lambda points: points * shrink)
    reach = shapely.buffer(shapely.transform(others, lambda points: points * shrink), TOUCH)
    return np.asarray(shapely.length(shapely.intersection(border, reach)))
