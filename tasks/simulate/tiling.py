"""Zones without gaps or overlaps: a honeycomb whose shared corners and borders are moved, once for both sides."""

from dataclasses import dataclass

import numpy as np

from tasks.simulate.plan import Bools, Floats, Ints

ZONE_KM2 = 3.0
BORDER_POINTS = np.array([0.25, 0.5, 0.75])


@dataclass(frozen=True)
class Tiling:
    """Rings of the zones [zone, corner, x and y] in metres from the centre, not closed; neighbours [zone, zone]."""

    rings: Floats
    neighbours: Bools

    @property
    def centres(self) -> Floats:
        """[zone, x and y] the mean of each ring's corners."""
        return np.asarray(self.rings.mean(axis=1))


def tile(count: int, rng: np.random.Generator) -> Tiling:
    """Tile a city into zones, smaller downtown, in order from the centre outwards."""
    centres = _honeycomb(count, rng)
    angles = np.radians(60 * np.arange(6) - 30)
    corners = centres[:, None] + np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    _, first, vertex = np.unique(np.round(corners.reshape(-1, 2) * 100), axis=0, return_index=True, return_inverse=True)
    vertices = corners.reshape(-1, 2)[first]
    vertices += np.clip(rng.normal(0, 0.13, vertices.shape), -0.26, 0.26)
    rings, edges = _rings(vertices, vertex.reshape(-1, 6).astype(np.int32), rng)
    return Tiling(_to_scale(rings, rng), _neighbours(edges))


def _honeycomb(count: int, rng: np.random.Generator) -> Floats:
    reach = np.arange(-int(np.sqrt(count)) - 3, int(np.sqrt(count)) + 4)
    row, column = np.meshgrid(reach, reach)
    centres = np.stack([np.sqrt(3) * (column + row / 2), 1.5 * row], axis=-1).reshape(-1, 2)
    distance = np.hypot(*centres.T) + rng.uniform(0, 1.2, len(centres))
    return centres[np.argsort(distance)[:count]]


def _rings(vertices: Floats, corner: Ints, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Each border is drawn once, from its lower to its higher vertex, and walked backwards by one of its two zones."""
    ends = np.stack([corner, np.roll(corner, -1, axis=1)], axis=-1)
    borders, edge = np.unique(np.sort(ends.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    start, along = vertices[borders[:, 0]], vertices[borders[:, 1]] - vertices[borders[:, 0]]
    across = along[:, ::-1] * [-1, 1]
    bend = np.cumsum(rng.normal(0, 0.05, (len(borders), 3)), axis=1).clip(-0.12, 0.12)[:, :, None]
    drawn = start[:, None] + along[:, None] * BORDER_POINTS[:, None] + across[:, None] * bend
    edge = edge.reshape(corner.shape)
    walked = drawn[edge]
    backwards = ends[..., 0] > ends[..., 1]
    walked[backwards] = walked[backwards][:, ::-1]
    rings = np.concatenate([vertices[corner][:, :, None], walked], axis=2)
    return rings.reshape(len(corner), -1, 2), edge.astype(np.int32)


def _neighbours(edges: Ints) -> Bools:
    touching = np.zeros((len(edges), int(edges.max()) + 1), np.int32)
    np.put_along_axis(touching, edges, 1, axis=1)
    shared = touching @ touching.T > 0
    np.fill_diagonal(shared, False)
    return shared


def _to_scale(rings: Floats, rng: np.random.Generator) -> Floats:
    """Denser downtown, longer than wide, turned, and of ZONE_KM2 in the mean."""
    radius = np.hypot(rings[..., 0], rings[..., 1])
    bent = rings * (0.6 + 0.4 * radius / radius.max())[..., None] * [1.15, 0.87]
    turn = rng.uniform(0, np.pi)
    bent = bent @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    x, y = bent[..., 0], bent[..., 1]
    areas = np.abs(np.sum(x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1), axis=1)) / 2
    return np.asarray(bent * np.sqrt(ZONE_KM2 * 1e6 / areas.mean()))
