"""The picture of a day's coverage as SVG: best server of each tile, borders, names and cells of zones."""

from collections.abc import Iterator
from html import escape

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tasks.mobility.coverage import Chunk, Coverage
from tasks.mobility.day import NO_ZONE
from tasks.mobility.radio import MODELS
from tasks.mobility.tiles import plane_of, projected

PIXELS = 1_000
MARGIN, LEGEND = 20, 110
COLOURS = ("#88ccee", "#ddcc77", "#cc6677", "#117733", "#aa4499", "#44aa99", "#999933", "#ee8866")
"""P. Tol's muted scheme: distinct for colour-blind readers."""
OUTSIDE_COLOUR = "#bbbbbb"
UNCOVERED = -2
MOST_NAMES = 300
"""A plan of more zones has no names in the picture."""
_HATCH = (
    '<defs><pattern id="uncovered" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="8" height="8" fill="#fff"/><rect width="3" height="8" fill="#000"/></pattern></defs>'
)

Reals = NDArray[np.float64]


class _Frame:
    """From metres to pixels, north up."""

    def __init__(self, shapes: list[BaseGeometry]) -> None:
        west, south, east, north = shapely.total_bounds(np.array(shapes, object))
        self.scale = PIXELS / max(east - west, north - south)
        self.width, self.height = (east - west) * self.scale, (north - south) * self.scale
        self._west, self._north = west, north

    def at(self, points: Reals) -> Reals:
        """[point, x and y] in pixels."""
        x, y = (points[:, 0] - self._west) * self.scale, (self._north - points[:, 1]) * self.scale
        return np.stack([x, y], axis=1) + MARGIN


def coverage_svg(coverage: Coverage) -> str:
    """One SVG document; each tile has the colour of the zone in which its best server counts."""
    zones = coverage.plans.zones
    shapes = projected(zones.geometries, plane_of(zones.geometries))
    frame, colours = _Frame(shapes), _colours(shapes)
    width, height = max(frame.width, 560) + 2 * MARGIN, frame.height + 2 * MARGIN + LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12">',
        f'<title>Best server of each tile</title>{_HATCH}<rect width="100%" height="100%" fill="#fff"/>',
        '<g shape-rendering="crispEdges">',
        *(line for chunk in coverage.chunks() for line in _tiles(chunk, coverage, frame, colours)),
        "</g>",
        *(_outline(shape, frame) for shape in shapes),
        *_cells(coverage, frame),
        *(_names(shapes, zones.zone_ids, frame) if len(shapes) <= MOST_NAMES else ()),
        *_legend(frame),
        "</svg>",
    ]
    return "\n".join(parts)


def best_zone(chunk: Chunk, zone_of: NDArray[np.int32]) -> NDArray[np.int64]:
    """[tile] the zone of the cell that serves it most; -1 outside, -2 where none does."""
    radio, footprint = chunk.shares(MODELS[0])
    fixed = np.broadcast_to(footprint, (len(radio), footprint.shape[1]))
    cells = np.hstack([chunk.cells, np.broadcast_to(chunk.footprint_cells, fixed.shape)])
    shares = np.hstack([radio, fixed])
    best = np.argmax(shares, axis=1)
    row = np.arange(len(best))
    return np.where(shares[row, best] > 0, zone_of[cells[row, best]], UNCOVERED)


def _tiles(chunk: Chunk, coverage: Coverage, frame: _Frame, colours: list[str]) -> Iterator[str]:
    """Runs of equal tiles in a row, as rectangles."""
    zone, x, y = best_zone(chunk, coverage.plans.cells.zone), chunk.centres[:, 0], chunk.centres[:, 1]
    breaks = (np.diff(zone) != 0) | (np.diff(y) != 0) | (np.diff(x) > 1.5 * chunk.side)
    first, last = np.append(0, np.flatnonzero(breaks) + 1), np.append(np.flatnonzero(breaks), len(zone) - 1)
    corners = frame.at(np.stack([x[first] - chunk.side / 2, y[first] + chunk.side / 2], axis=1))
    wide, high = (x[last] - x[first] + chunk.side) * frame.scale, chunk.side * frame.scale
    for (left, top), width, found in zip(corners.tolist(), wide.tolist(), zone[first].tolist(), strict=True):
        fill = "url(#uncovered)" if found == UNCOVERED else OUTSIDE_COLOUR if found == NO_ZONE else colours[found]
        yield f'<rect x="{left:.1f}" y="{top:.1f}" width="{width + 0.3:.1f}" height="{high + 0.3:.1f}" fill="{fill}"/>'


def _colours(shapes: list[BaseGeometry]) -> list[str]:
    """Neighbours differ, if the colours suffice: each zone takes the first colour that no earlier neighbour has."""
    a, b = shapely.STRtree(shapes).query(shapely.buffer(shapes, 50), predicate="intersects")
    taken: list[int] = []
    for zone in range(len(shapes)):
        near = {taken[other] for other in b[(a == zone) & (b < zone)].tolist()}
        start = zone % len(COLOURS)
        order = (*range(start, len(COLOURS)), *range(start))
        taken.append(next((colour for colour in order if colour not in near), start))
    return [COLOURS[colour] for colour in taken]


def _outline(shape: BaseGeometry, frame: _Frame) -> str:
    rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    lines = (" L".join(f"{x:.1f},{y:.1f}" for x, y in frame.at(np.array(ring.coords)).tolist()) for ring in rings)
    return f'<path d="{" ".join(f"M{line} Z" for line in lines)}" fill="none" stroke="#000" stroke-width="1.2"/>'


def _cells(coverage: Coverage, frame: _Frame) -> Iterator[str]:
    """Sites inside the frame."""
    cells, plane = coverage.plans.cells, plane_of(coverage.plans.zones.geometries)
    sites = np.unique(np.stack([cells.longitude, cells.latitude], axis=1), axis=0)
    for x, y in frame.at(plane.project(sites)).tolist():
        if 0 <= x - MARGIN <= frame.width and 0 <= y - MARGIN <= frame.height:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.8" fill="#000"/>'


def _names(shapes: list[BaseGeometry], ids: tuple[str, ...], frame: _Frame) -> Iterator[str]:
    points = shapely.point_on_surface(shapes)
    for zone, (x, y) in zip(ids, frame.at(shapely.get_coordinates(points)).tolist(), strict=True):
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-weight="bold" stroke="#fff" stroke-width="3" '
            f'paint-order="stroke">{escape(zone)}</text>'
        )


def _legend(frame: _Frame) -> Iterator[str]:
    top = frame.height + 2 * MARGIN + 10
    samples = (
        (COLOURS[0], "best server counts in the zone of this colour (the zone that mostly has it)"),
        (OUTSIDE_COLOUR, "best server lies outside every zone: not counted"),
        ("url(#uncovered)", "no cell covers this place"),
    )
    for n, (fill, text) in enumerate(samples):
        yield f'<rect x="{MARGIN}" y="{top + 22 * n}" width="24" height="14" fill="{fill}" stroke="#000"/>'
        yield f'<text x="{MARGIN + 32}" y="{top + 22 * n + 11}">{text}</text>'
    yield f'<circle cx="{MARGIN + 12}" cy="{top + 73}" r="1.8"/><text x="{MARGIN + 32}" y="{top + 77}">a site</text>'
    metres = 10 ** int(np.floor(np.log10(frame.width / frame.scale / 3)))
    length, at = metres * frame.scale, f"{metres / 1000:g} km" if metres >= 1000 else f"{metres} m"
    yield f'<path d="M{MARGIN + 150},{top + 73} h{length:.1f}" stroke="#000" stroke-width="3"/>'
    yield f'<text x="{MARGIN + 158 + length:.1f}" y="{top + 77}">{at}; north is up</text>'
