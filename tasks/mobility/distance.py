"""Distances of cells, compiled."""

import math

from tasks.events.jit import kernel
from tasks.mobility.day import EARTH_RADIUS_M, CellArrays


@kernel
def haversine(cells: CellArrays, a: int, b: int) -> float:
    """Great-circle distance of two cells in metres (R. W. Sinnott 1984)."""
    latitude = math.sin((cells.latitude[b] - cells.latitude[a]) / 2)
    longitude = math.sin((cells.longitude[b] - cells.longitude[a]) / 2)
    chord = latitude**2 + math.cos(cells.latitude[a]) * math.cos(cells.latitude[b]) * longitude**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


@kernel
def farther(cells: CellArrays, a: int, b: int, metres: float) -> bool:
    """Whether two cells are farther apart than this."""
    # The plane overstates every distance, so what is near on it is near: most pairs need no trigonometry.
    if (cells.x[a] - cells.x[b]) ** 2 + (cells.y[a] - cells.y[b]) ** 2 < metres * metres * (1 - 1e-9):
        return False
    return haversine(cells, a, b) > metres
