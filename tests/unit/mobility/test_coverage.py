"""Coverage: which cells serve each tile, beside a plain twin, and where persons of each zone are counted."""

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import policy_file
from tasks.errors import RejectedInput
from tasks.mobility import radio
from tasks.mobility.confusion import OUTSIDE, confusion
from tasks.mobility.coverage import CELLS_HEARD, Coverage
from tasks.mobility.plans import Plans, load_plans
from tasks.mobility.radio import MODELS, PUBLISHED, Antennas, paths, strengths
from tasks.mobility.tiles import Plane, plane_of, projected, tile_side, zone_tiles
from tests.unit.mobility.test_zones import feature, square

TIME = policy_file.load().policy.time
DAY = date(2026, 3, 2)
HEAD = "cell_id,latitude,longitude,valid_from,valid_to,azimuth,beam_width,range_m,height_m,power_w,technology"
A, B, C = feature("a", square(0, 0)), feature("b", square(1, 0)), feature("c", square(2, 0))
IN_A, IN_B, IN_C = "a1,52.05,13.05", "b1,52.05,13.15", "c1,52.05,13.25"
EMPTY = ",,,,,,,,"
EARTH_M = 6_371_008.8


def plans(folder: Path, *cells: str, zones: Any = (A, B), footprints: Any = None) -> Plans:
    (folder / "zones.geojson").write_text(json.dumps({"features": zones}))
    (folder / "cells.csv").write_text("\n".join([HEAD, *cells]))
    if footprints is not None:
        pq.write_table(pa.table(footprints), folder / "footprints.parquet")
    return load_plans(folder, DAY, TIME)


def rows(*triples: tuple[str, str, float]) -> dict[str, Any]:
    cell_id, zone_id, weight = zip(*triples, strict=True)
    return {"cell_id": pa.array(cell_id), "zone_id": pa.array(zone_id), "weight": pa.array(weight)}


def matrix(made: Plans, model: int = 0) -> Any:
    return confusion(Coverage(made)).matrix(model)


def antennas(*cells: tuple[float, float, float, float]) -> Antennas:
    """Antennas at x, y with azimuth and beam width, for one tile: arrays [1, cell]."""
    x, y, azimuth, width = (np.array([axis]) for axis in zip(*cells, strict=True))
    same = np.ones_like(x)
    return Antennas(
        np.stack([x, y], axis=-1),
        azimuth,
        width,
        30 * same,
        40 * same,
        15_000 * same,
        same,
        np.zeros(x.shape, np.int64),
    )


def shares_at(x: float, y: float, *cells: tuple[float, float, float, float]) -> Any:
    found = strengths(paths(np.array([[x, y]]), antennas(*cells)), MODELS[0])[0]
    return found / found.sum()


def test_the_projection_keeps_areas_and_the_distance_to_its_centre_nearly() -> None:
    plane = Plane(13.0, 52.0)
    x, y = plane.project(np.array([[13.0, 52.1]]))[0]
    assert (x, y) == (pytest.approx(0, abs=1e-6), pytest.approx(EARTH_M * math.radians(0.1), rel=1e-6))
    (shape,) = projected([square(0, 0)], plane)
    exact = EARTH_M**2 * math.radians(0.1) * (math.sin(math.radians(52.1)) - math.sin(math.radians(52.0)))
    assert shape.area == pytest.approx(exact, rel=2e-4)  # a straight side is not the parallel


def test_tiles_are_of_100_m_until_a_zone_has_too_many() -> None:
    assert tile_side(4_096 * 100.0**2, zones=14) == 100
    assert tile_side(4_097 * 100.0**2, zones=14) == 200
    assert tile_side(4_096 * 100.0**2, zones=3_000) == 800  # 200 of each zone
    assert tile_side(1.0, zones=1_000_000) == 100


def test_tiles_cover_the_area_of_their_zone_and_a_sliver_has_one() -> None:
    shapes = [square(0, 0), square(1, 0, 1e-6, 1e-6)]
    whole, sliver = (zone_tiles(shape, 2) for shape in projected(shapes, plane_of(shapes)))
    (area, _) = (shape.area for shape in projected(shapes, plane_of(shapes)))
    assert len(whole.centres) * whole.side**2 == pytest.approx(area, rel=0.01)
    assert len(sliver.centres) == 1


def plain_shares(place: Any, cells: Any, model: Any) -> Any:
    """p(cell | tile), cell by cell; cells: (x, y, azimuth or None, beam width, height, power in W, range, site)."""
    found = []
    for x, y, azimuth, width, height, power, reach, site in cells:
        ground = math.dist(place, (x, y))
        loss = 0.0
        if azimuth is not None and ground:
            bearing = math.degrees(math.atan2(place[0] - x, place[1] - y))
            apart = abs((bearing - azimuth + 180) % 360 - 180)
            loss = min(12 * (apart / (width * model.beams)) ** 2, 30)
        metres = max(math.hypot(ground, height), 1)
        received = 30 + 10 * math.log10(power) - 10 * model.exponent * math.log10(metres) - loss
        if model.sites is not None:
            received += 4.2 if site * 2_654_435_761 >> (13 + 3 * model.sites) & 1 else -4.2
        dominance = 1 / (1 + math.exp(-0.2 * (received + 92.5)))
        shared = dominance if model.share == "dominance" else 10 ** (received / 10)
        found.append(shared if ground <= reach and dominance >= 0.01 else 0.0)
    return [each / sum(found) if sum(found) else 0.0 for each in found]


def plain_power(cell: int, cells: Any, power: str, reach: str) -> float:
    """Watts: one cell in all directions among sectors has less gain; with a range of 900 m it is a small one."""
    x, y, turn, _ = cells[cell]
    alone = sum((x, y) == other[:2] for other in cells) == 1
    gain = -9 if turn is None and alone and any(other[2] is not None for other in cells) else 0
    return float(float(power or (0.25 if reach and gain else 10)) * 10 ** (gain / 10))


CELLS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 10), st.none() | st.integers(0, 359), st.integers(20, 200)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(CELLS, st.sampled_from([*MODELS, PUBLISHED]), st.sampled_from(["", "5"]), st.sampled_from(["", "900"]))
def test_shares_are_those_of_the_plain_twin_and_sum_to_one(
    tmp_path_factory: Any, cells: Any, model: Any, power: str, reach: str
) -> None:
    lines = [
        f"k{n},{52 + y / 100},{13 + x / 100},,,{'' if turn is None else turn},{width},{reach},20,{power},"
        for n, (x, y, turn, width) in enumerate(cells)
    ]
    made = plans(tmp_path_factory.mktemp("plan"), *lines)
    plane = plane_of(made.zones.geometries)
    at = plane.project(np.stack([made.cells.longitude, made.cells.latitude], axis=1))
    sites = sorted({(x, y) for x, y, *_ in cells})
    given_cells = [
        (*place, turn, width, 20, plain_power(n, cells, power, reach), float(reach or 15_000), sites.index((x, y)))
        for place, cell_id in zip(at.tolist(), made.cells.cell_id, strict=True)
        for n in [int(cell_id[1:])]
        for x, y, turn, width in [cells[n]]
    ]
    for chunk in Coverage(made).chunks():
        radio, footprint = chunk.shares(model)
        assert not footprint.size
        total = radio.sum(axis=1)
        assert np.all((abs(total - 1) < 1e-9) | (total == 0))
        tile = len(total) // 2
        wanted = plain_shares(chunk.centres[tile], given_cells, model)
        assert dict(zip(chunk.cells[tile], radio[tile], strict=True)) == pytest.approx(dict(enumerate(wanted)))


@given(st.floats(50, 2_000), st.floats(1.01, 3), st.floats(0, 359), st.floats(20, 200))
def test_a_cell_is_heard_less_from_farther_away(near: float, farther: float, azimuth: float, width: float) -> None:
    angle = math.radians(azimuth)
    cells = (0.0, 0.0, azimuth, width), (0.0, 0.0, np.nan, 65.0)
    other = (4_000 * math.cos(angle), -4_000 * math.sin(angle), np.nan, 65.0)
    first = [
        shares_at(r * math.sin(angle), r * math.cos(angle), *cells, other)[:2]
        for r in (near, min(near * farther, 3_900))
    ]
    assert np.all(first[1] <= first[0] + 1e-9)


@given(st.floats(0, 90), st.floats(0, 90), st.floats(20, 150), st.floats(0, 359))
def test_a_cell_is_heard_less_aside_of_its_azimuth_and_alike_on_both_sides(
    one: float, two: float, width: float, azimuth: float
) -> None:
    def share(aside: float) -> float:
        angle = math.radians(azimuth + aside)
        cells = (0.0, 0.0, azimuth, width), (0.0, 0.0, np.nan, 65.0)
        return float(shares_at(800 * math.sin(angle), 800 * math.cos(angle), *cells)[0])

    assert share(max(one, two)) <= share(min(one, two)) + 1e-9
    assert share(one) == pytest.approx(share(-one))


def test_a_mirrored_city_is_confused_alike(tmp_path: Path) -> None:
    """Cells stand mirrored about the common border of two equal zones."""
    made = matrix(plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, "a2,52.05,13.09" + EMPTY, "b2,52.05,13.11" + EMPTY))
    assert made.sum(axis=0) == pytest.approx(1, abs=1e-9)
    assert made[0, 1] == pytest.approx(made[1, 0], rel=1e-3)
    assert 0.02 < made[0, 1] < 0.3


def test_a_sector_that_looks_over_the_border_serves_the_next_zone_more(tmp_path: Path) -> None:
    towards, away = (
        matrix(plans(tmp_path, f"a1,52.05,13.09,,,{turn},65,,,,", IN_B + EMPTY))[0, 1] for turn in (90, 270)
    )
    assert towards > 2 * away


def test_a_cell_that_is_valid_for_half_a_day_serves_half_as_much(tmp_path: Path) -> None:
    made = plans(tmp_path, IN_A + EMPTY, "b1,52.05,13.05,2026-03-02T12:00,,,,,,,")
    (chunk, *_) = Coverage(made).chunks()
    assert chunk.shares(MODELS[0])[0][0].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_a_zone_that_no_cell_reaches_is_uncovered_and_counts_outside(tmp_path: Path) -> None:
    made = plans(tmp_path, "a1,52.05,13.05,,,,,2000,,,", "x,51,13" + EMPTY, zones=(A, C))
    found = confusion(Coverage(made))
    assert found.covered[1] == 0
    assert 0.1 < found.covered[0] < 0.3
    assert found.matrix()[:, 1].tolist() == [0, 0, 1]
    assert found.table(made.zones)["assigned_zone"].to_pylist()[-1] == OUTSIDE
    assert found.pairs_alike() == []


def test_zones_that_one_cell_serves_cannot_be_distinguished(tmp_path: Path) -> None:
    made = plans(tmp_path, IN_A + EMPTY, "a2,52.06,13.06" + EMPTY, IN_C + EMPTY, zones=(A, B, C))
    assert [pair[:2] for pair in confusion(Coverage(made)).pairs_alike()] == []
    alone = plans(tmp_path, IN_A + EMPTY, zones=(A, B))
    ((one, other, cosine),) = confusion(Coverage(alone)).pairs_alike()
    assert (one, other) == (0, 1)
    assert cosine == pytest.approx(1)


def test_the_same_plans_make_the_same_table(tmp_path: Path) -> None:
    first, second = (plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY) for _ in range(2))
    tables = [confusion(Coverage(made)).table(made.zones) for made in (first, second)]
    assert tables[0].equals(tables[1])
    assert first.cell_version == second.cell_version
    assert {*tables[0]["model"].to_pylist()} == {*range(len(MODELS))}
    assert plans(tmp_path, IN_A + ",,,,,,,50,", IN_B + EMPTY).cell_version != first.cell_version


def test_footprints_replace_radio_for_their_cells_and_leave_it_the_rest(tmp_path: Path) -> None:
    given_rows = rows(("a1", "a", 0.75), ("a1", "b", 0.25), ("old", "a", 0.5))
    made = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=given_rows)
    assert matrix(made).tolist() == [pytest.approx([0.75, 0.25]), pytest.approx([0.25, 0.75]), [0, 0]]
    (tmp_path / "footprints.parquet").unlink()
    assert plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY).cell_version != made.cell_version


def test_footprints_of_all_cells_are_scaled_to_one(tmp_path: Path) -> None:
    given_rows = rows(("a1", "a", 0.3), ("b1", "a", 0.1), ("b1", "b", 1.0), ("a1", "b", 1.0))
    made = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=given_rows)
    assert matrix(made)[:2].tolist() == [pytest.approx([0.75, 0.5]), pytest.approx([0.25, 0.5])]


def test_a_footprint_of_a_sensitive_zone_counts_for_the_zone_that_took_it(tmp_path: Path) -> None:
    zones = (feature("h", square(2, 0), sensitive=True), A, B)
    made = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, zones=zones, footprints=rows(("a1", "h", 1.0)))
    assert matrix(made)[:, 1].tolist() == [1, 0, 0]


def test_footprints_of_points_are_the_mean_of_their_zone(tmp_path: Path) -> None:
    """Two points lie in zone a, one in zone b, and one outside both."""
    made = plans(
        tmp_path,
        *(IN_A + EMPTY, IN_B + EMPTY),
        footprints={
            "cell_id": ["a1", "a1", "b1", "b1", "b1"],
            "longitude": [13.02, 13.08, 13.08, 13.15, 14.0],
            "latitude": [52.05] * 5,
            "weight": [1.0, 0.5, 0.5, 1.0, 1.0],
        },
    )
    assert matrix(made)[:2].tolist() == [pytest.approx([0.75, 0]), pytest.approx([0.25, 1])]


@pytest.mark.parametrize(
    ("footprints", "code"),
    [
        ({"cell_id": ["a1"], "longitude": [13.0], "latitude": [95.0], "weight": [1.0]}, "footprints.invalid_place"),
        ({"cell_id": ["a1"], "longitude": [13.0], "weight": [1.0]}, "footprints.missing_column"),
        (rows(("a1", "z", 0.5)), "footprints.unknown_zone"),
        ({**rows(("a1", "a", 0.5)), "zone_id": pa.array([None], pa.string())}, "footprints.unknown_zone"),
        (rows(("a1", "a", 1.5)), "footprints.invalid_weight"),
        (rows(("a1", "a", float("nan"))), "footprints.invalid_weight"),
        ({**rows(("a1", "a", 0.5)), "weight": pa.array([None], pa.float64())}, "footprints.invalid_weight"),
        (rows(("", "a", 0.5)), "footprints.missing_cell"),
        ({**rows(("a1", "a", 0.5)), "cell_id": pa.array([None], pa.string())}, "footprints.missing_cell"),
        ({**rows(("a1", "a", 0.5)), "weight": pa.array([[0.5]])}, "footprints.unreadable"),
        ({"cell_id": ["a1"], "weight": [1.0]}, "footprints.missing_column"),
    ],
)
def test_wrong_footprints_are_refused_by_code(tmp_path: Path, footprints: Any, code: str) -> None:
    with pytest.raises(RejectedInput) as error:
        plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=footprints)
    assert error.value.code == code


def test_a_file_or_folder_that_is_no_footprints_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    def code() -> str:
        with pytest.raises(RejectedInput) as error:
            plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY)
        return error.value.code

    path = tmp_path / "footprints.parquet"
    path.write_bytes(b"PAR1")
    assert code() == "footprints.unreadable"
    pq.write_table(pa.table(rows(("a1", "a", 0.5), ("b1", "a", 0.5))), path)
    monkeypatch.setattr("tasks.mobility.footprints.MOST_ROWS", 1)
    assert code() == "footprints.too_large"
    path.unlink()
    path.mkdir()
    assert code() == "footprints.too_large"


def test_the_eurostat_topology_and_text_tell_the_same_of_antennas(tmp_path: Path) -> None:
    native = plans(
        tmp_path, "a1,52.05,13.05,2026-01-01,,120,65,900,25,20,LTE", "a2,52.05,13.05,2026-01-01,,,,,,,"
    ).cells
    (tmp_path / "cells.csv").write_text(
        "cell_id,latitude,longitude,antenna_height,directionality,azimuth_angle,horizontal_beam_width,power,range,"
        "technology,valid_date_start,valid_date_end\n"
        "a1,52.05,13.05,25,1,120,65,20,900,LTE,2026-01-01,\na2,52.05,13.05,,0,90,,,,,2026-01-01,\n"
    )
    eurostat = load_plans(tmp_path, DAY, TIME).cells
    np.testing.assert_array_equal(eurostat.radio, native.radio)
    assert native.radio[0].tolist() == [120, 65, 900, 25, 20, 4]


def test_small_cells_and_antennas_for_all_directions_are_weaker(tmp_path: Path) -> None:
    found = plans(
        tmp_path,
        "a1,52.05,13.05,,,120,,,30,,",
        "b1,52.05,13.06,,,,,,30,,",
        "c1,52.05,13.07,,,0,,,6,,",
        "d1,52.05,13.08,,,,,250,,,",
        "e1,52.05,13.09,,,,,250,,20,",
        "e2,52.06,13.09,,,0,,250,,,",
        "f1,52.06,13.05,,,,,,,,",
        "f2,52.06,13.05,,,,,,,,",
    )
    power = radio.antennas(found.cells, plane_of(found.zones.geometries)).power_dbm
    small = 10 * np.log10(10 / 0.25)
    twice = 10 * np.log10(2)
    assert power - power[0] == pytest.approx(
        [0, -9, -small, -small - 9, twice - 9, 0, 0, 0]
    )  # nobody knows where f1 and f2 point


def test_bands_of_a_sector_are_one_beam(tmp_path: Path) -> None:
    found = plans(tmp_path, *(f"k{n},52.05,13.05,,,{120 * (n // 2)},,,,," for n in range(6)))
    assert radio.antennas(found.cells, plane_of(found.zones.geometries)).beam_width.tolist() == [65.0] * 6


def test_without_any_azimuth_no_antenna_is_weaker(tmp_path: Path) -> None:
    found = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY)
    assert np.ptp(radio.antennas(found.cells, plane_of(found.zones.geometries)).power_dbm) == 0


def test_a_value_that_breaks_its_rule_is_as_none(tmp_path: Path) -> None:
    found = plans(tmp_path, "a1,52.05,13.05,,,400,65,far,25,0,smoke").cells.radio[0]
    np.testing.assert_array_equal(found, [np.nan, 65, np.nan, 25, np.nan, np.nan])


def test_a_tile_of_a_dense_network_hears_its_nearest_cells_and_no_other(tmp_path: Path) -> None:
    places = np.random.default_rng(5).uniform(0, 0.1, (150, 2))
    made = plans(tmp_path, *(f"k{n:03d},{52 + y:.6f},{13 + x:.6f}{EMPTY}" for n, (x, y) in enumerate(places)))
    at = plane_of(made.zones.geometries).project(np.stack([made.cells.longitude, made.cells.latitude], axis=1))
    for chunk in Coverage(made).chunks():
        for tile in (0, len(chunk.centres) - 1):
            nearest = np.argsort(np.hypot(*(at - chunk.centres[tile]).T))[:CELLS_HEARD]
            assert sorted(chunk.cells[tile].tolist()) == sorted(nearest.tolist())
