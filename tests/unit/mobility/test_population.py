"""population.csv: what a census may say, and the margins and weights that it gives."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.demographics import AGE_BANDS, GENDERS, Margins
from tasks.errors import UnmatchedCensus
from tasks.mobility.population import census_sentence, read_margins, residents
from tests.refusals import refused
from tests.unit.mobility.test_zones import feature, plan_of, square

ZONES = plan_of(
    feature("a", square(0, 0)),
    feature("b", square(1, 0)),
    feature("h", square(2, 0), sensitive=True),
    feature("c", square(4, 0), parent_id="d2"),
)
"""Zone b of district d1 takes h."""


def landed(folder: Path, text: str) -> Margins | None:
    (folder / "population.csv").write_text(text)
    return read_margins(folder, ZONES)


def rows(margins: Margins | None) -> list[tuple[object, ...]]:
    assert margins
    return [tuple(row.values()) for row in margins.table.to_pylist()]


def zones(margins: Margins | None) -> dict[str, float] | None:
    assert margins
    return {row["zone_id"]: row["residents"] for row in margins.by_zone.to_pylist()} if margins.by_zone else None


def test_residents_of_zones_are_margins_of_their_district_and_merged_zones_count_where_they_went(
    tmp_path: Path,
) -> None:
    found = landed(
        tmp_path, "zone_id,age_band,gender,residents\na,18-24,f,5\na,65+,f,6\nb,18-24,f,7\nh,18-24,f,1\nc,65+,m,2\n"
    )
    assert rows(found) == [("d1", "18-24", "f", 13), ("d1", "65+", "f", 6), ("d2", "65+", "m", 2)]
    assert zones(found) == {"a": 11, "b": 8, "c": 2}
    weights = residents(tmp_path, ZONES)
    assert weights is not None
    assert weights.tolist() == [11, 8, 2]


def test_a_census_may_be_coarser_than_the_panel(tmp_path: Path) -> None:
    by_district = landed(tmp_path, "district, residents\nd1 , 5.5\nd2,1\n".replace(", ", ","))
    assert (rows(by_district), zones(by_district)) == ([("d1", None, None, 5.5), ("d2", None, None, 1)], None)
    assert residents(tmp_path, ZONES) is None
    nowhere = landed(tmp_path, "age_band,gender,residents\n65+,f,5\n65+,m,6\n")
    assert rows(nowhere) == [(None, "65+", "f", 5), (None, "65+", "m", 6)]


def test_rows_that_fill_other_columns_are_another_margin(tmp_path: Path) -> None:
    found = landed(
        tmp_path,
        "zone_id,age_band,gender,residents\na,,,600\nh,,,200\nc,,,200\nh,65+,,200\na,65+,,600\nc,65+,,200\n"
        ",65+,f,505\n,65+,m,500\n",
    )
    assert rows(found) == [
        ("d1", "65+", None, 800),
        ("d1", None, None, 800),
        ("d2", "65+", None, 200),
        ("d2", None, None, 200),
        (None, "65+", "f", 505),
        (None, "65+", "m", 500),
    ]
    assert zones(found) == {"a": 600, "b": 200, "c": 200}


def test_a_census_says_who_counted_and_when(tmp_path: Path) -> None:
    found = landed(tmp_path, "district_id,residents,source,as_of\nd1,5,Office,20251231\nd2,5,,\n")
    assert found
    assert (found.source, found.as_of) == ("Office", "2025-12-31")
    said = census_sentence(found, ZONES)
    assert "10 residents, source Office, as of 2025-12-31" in said
    silent = landed(tmp_path, "district_id,residents\nd1,5\n")
    assert silent
    assert "districts d2" in census_sentence(silent, ZONES)


@pytest.mark.parametrize("content", [None, "zone_id,age_band,gender,residents\n"])
def test_no_file_and_no_rows_are_no_census(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "population.csv").write_text(content)
    assert read_margins(tmp_path, ZONES) is None
    assert residents(tmp_path, ZONES) is None


WRONG = [
    (b"", "unreadable"),
    (b"zone_id,residents\na,1,2\n", "unreadable"),
    (b"zone_id,residents\n\xff\xfe,1\n", "unreadable"),
    (b"zone_id,people\na,1\n", "missing_column"),
    (b"name,residents\na,1\n", "missing_column"),
    (b"zone_id,zone_id,residents\na,a,1\n", "missing_column"),
    (b"zone_id,district_id,residents\na,d1,1\n", "both_places"),
    (b"zone_id,residents\na,-1\n", "invalid_residents"),
    (b"zone_id,residents\na,\n", "invalid_residents"),
    (b"zone_id,residents\na,many\n", "invalid_residents"),
    (b"zone_id,residents\na,inf\n", "invalid_residents"),
    (b"zone_id,residents\na,1e11\n", "invalid_residents"),
    (b"zone_id,residents\na,1\n a ,1\n", "duplicate_key"),
    (b"district,gender,residents\nd1,,1\nd1,f,1\nd1,,1\n", "duplicate_key"),
    (b"zone_id,residents,source\na,1,One\nb,1,Other\n", "several_sources"),
    (b"zone_id,residents,as_of\na,1,31.12.2025\n", "invalid_as_of"),
    (b"zone_id,residents,source\na,1," + b"x" * 201 + b"\n", "invalid_source"),
    (b"zone_id,residents,source\na,1,\x1b[31m\n", "invalid_source"),
    (b"zone_id,gender,residents\na,,100\na,f,40\na,m,40\n", "totals_differ"),
]


@pytest.mark.parametrize(("content", "code"), WRONG)
def test_a_wrong_or_contradictory_census_is_refused_by_code(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "population.csv").write_bytes(content)
    with refused(f"population.{code}") as caught:
        read_margins(tmp_path, ZONES)
    assert not isinstance(caught.value, UnmatchedCensus)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("zone_id,residents\nelsewhere,1\n", "unknown_zone"),
        ("district_id,residents\na,1\n", "unknown_district"),
        ("zone_id,age_band,residents\na,0-17,1\n", "unknown_age_band"),
        ("zone_id,gender,residents\na,F,1\n", "unknown_gender"),
    ],
)
def test_a_census_of_other_places_ages_or_genders_does_not_match(tmp_path: Path, content: str, code: str) -> None:
    with refused(f"population.{code}") as caught:
        landed(tmp_path, content)
    assert isinstance(caught.value, UnmatchedCensus)


def test_a_hostile_name_is_shown_in_plain_signs(tmp_path: Path) -> None:
    with pytest.raises(UnmatchedCensus) as caught:
        landed(tmp_path, "zone_id,residents\n\x1b[31m`rm`,1\n")
    assert "??31m?rm?" in str(caught.value)


def test_a_census_beyond_its_size_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.mobility.census_file.MOST_BYTES", 5)
    with refused("population.too_large"):
        landed(tmp_path, "zone_id,residents\na,1\n")
    (tmp_path / "population.csv").unlink()
    (tmp_path / "population.csv").mkdir()
    with refused("population.too_large"):
        read_margins(tmp_path, ZONES)


KEYS = st.tuples(st.sampled_from("abhc"), st.sampled_from(AGE_BANDS), st.sampled_from(GENDERS))


@given(st.dictionaries(KEYS, st.integers(0, 1_000), min_size=1), st.randoms())
@settings(max_examples=30, deadline=None)
def test_margins_are_the_sums_of_the_rows_in_any_order_and_come_back_as_stored(
    tmp_path_factory: pytest.TempPathFactory, census: dict[tuple[str, str, str], int], order: Random
) -> None:
    folder = tmp_path_factory.mktemp("census")
    lines = [f"{','.join(key)},{count}" for key, count in census.items()]
    found = landed(folder, "\n".join(["zone_id,age_band,gender,residents", *lines]))
    district = {"a": "d1", "b": "d1", "h": "d1", "c": "d2"}
    sums = Counter[tuple[str, str, str]]()
    for (zone, age, gender), count in census.items():
        sums[district[zone], age, gender] += count
    assert found
    assert rows(found) == sorted((*key, float(sums[key])) for key in {(district[z], a, g) for z, a, g in census})
    order.shuffle(lines)
    again = landed(folder, "\n".join(["zone_id,age_band,gender,residents", *lines]))
    assert again
    assert (again.digest, Margins.of(found.stored)) == (found.digest, found)


def test_a_census_by_zone_that_names_no_zone_has_none(tmp_path: Path) -> None:
    assert zones(landed(tmp_path, "zone_id,age_band,gender,residents\n,65+,f,5\n,65+,m,6\n")) is None
