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
GRID = 1e-7
"""Coordinates are kept to about a centimetre."""

Shapes = NDArray[Any]


def overlapping(shapes: Shapes) -> list[tuple[int, int]]:
    """Pairs of polygons (indices, ascending) that share more than a sliver."""
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    a, b = a[a < b], b[a < b]
    common = shapely.area(shapely.intersection(shapes[a], shapes[b]))
    bad = common > SLIVER * np.minimum(shapely.area(shapes[a]), shapely.area(shapes[b]))
    return sorted(zip(a[bad].tolist(), b[bad].tolist(), strict=True))


def alike(shapes: Shapes) -> Shapes:
    """Every shape written in one way, so that no trace tells which ones were merged.

    Rings as in RFC 7946 (outer ones counterclockwise), from their lowest corner on, without points on a straight line.
    """
    straight = shapely.simplify(shapely.normalize(shapes), 0)
    return np.asarray(shapely.orient_polygons(shapely.normalize(straight)), object)


def merge_sensitive(
    shapes: Shapes, district: NDArray[np.integer], sensitive: NDArray[np.bool_], covered: NDArray[np.bool_]
) -> tuple[dict[int, int], list[int]]:
    """Union each sensitive shape, in place, into the covered same-district neighbour with the longest common border.

    Returns {sensitive: taker} and the sensitive ones that no neighbour can take. Ties go to the lowest index; a
    sensitive shape among sensitive ones waits until a neighbour has been taken in.
    """
    takers: dict[int, int] = {}
    waiting = [int(n) for n in np.flatnonzero(sensitive)]
    able = covered & ~sensitive
    while waiting:
        possible = ((n, _longest_border(n, shapes, np.flatnonzero(able & (district == district[n])))) for n in waiting)
        found = next(((n, into) for n, into in possible if into is not None), None)
        if found is None:
            break
        n, into = found
        shapes[into] = _union(shapes[into], shapes[n])
        takers[n] = into
        waiting.remove(n)
    return takers, waiting


def _union(taker: Any, taken: Any) -> Any:
    """One shape; a gap or an overlap thinner than TOUCH would draw the border that has gone."""
    snapped = shapely.snap(taken, taker, TOUCH)
    return shapely.union(taker, snapped if snapped.is_valid else taken, grid_size=GRID)


def _longest_border(n: int, shapes: Shapes, others: NDArray[np.intp]) -> int | None:
    """Which of the others has the longest border in common with shape n, or None if none has any."""
    if not len(others):
        return None
    lengths = _common_border(shapes[n], shapes[others])
    best = int(np.argmax(lengths))
    return int(others[best]) if lengths[best] > CORNER else None


def _common_border(shape: Any, others: Shapes) -> NDArray[np.float64]:
    """Lengths in degrees of latitude, both axes at the same scale."""
    shrink = np.array([np.cos(np.radians(shape.centroid.y)), 1.0])
    border = shapely.transform(shape.boundary, lambda points: points * shrink)
    reach = shapely.buffer(shapely.transform(others, lambda points: points * shrink), TOUCH)
    return np.asarray(shapely.length(shapely.intersection(border, reach)))
