"""Evidence of cells for zones, and the zones of stays that follow from it."""


import numpy as np

from tasks.mobility.evidence import ServedAreas, evidence, evidence_table

WEST, EAST, NORTH = range(3)
FULL = round(64 * np.log(100))


def rows(zone: list[int], *served: tuple[int, int, float], alone: tuple[int, ...] = ()) -> list[tuple[int, int, int]]:
    """Cell, zone, weight."""
    cell, place, area = np.array(served or np.empty((0, 3))).T
    areas = ServedAreas(cell.astype(int), place.astype(int), area)
    found = evidence(np.array(zone, np.int32), areas, np.isin(np.arange(3), alone))
    return [tuple(row.values()) for row in evidence_table(found).to_pylist()]
