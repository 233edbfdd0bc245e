"""Sums by zone in reused arrays, compiled: of seconds, or of evidence."""

from tasks.events.jit import kernel
from tasks.mobility.day import NO_ZONE, Int32


@kernel
def add(sums: Int32, touched: Int32, zones: int, zone: int, amount: int) -> int:
    """Add to a zone's sum; `touched` lists the first `zones` with one. Returns their new number. The amount is > 0."""
    if sums[zone] == 0:
        touched[zones] = zone
        zones += 1
    sums[zone] += amount
    return zones


@kernel
def dominant_zone(sums: Int32, touched: Int32, zones: int) -> int:
    """The zone with the largest sum, ties to the lowest, -1 without any; clears the sums."""
    best = NO_ZONE
    for n in range(zones):
        zone = int(touched[n])
        if best == NO_ZONE or sums[zone] > sums[best] or (sums[zone] == sums[best] and zone < best):
            best = zone
    for n in range(zones):
        sums[touched[n]] = 0
    return best
