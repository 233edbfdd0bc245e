"""Forms of values say how values are written, and nothing of what they are."""

from collections import Counter

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.events.value_shapes import LEAST, LONGEST, commonest_shape
from tests.reference import form_of


def _commonest(values: list[str | None]) -> str | None:
    with duckdb.connect(":memory:") as con:
        con.execute("CREATE TABLE given (value VARCHAR)")
        con.executemany("INSERT INTO given VALUES (?)", [[value] for value in values] or [[None]])
        return commonest_shape(con, "given", "value")


def test_a_german_date_has_its_form() -> None:
    assert _commonest(["03.06.2026 14:05"] * LEAST) == "99.99.9999 99:99"


def test_a_form_of_few_rows_is_not_shown() -> None:
    assert _commonest(["031234567890"] * (LEAST - 1)) is None
    assert _commonest([f"{'1' * length}" for length in range(1, 20)]) is None, "each its own form"
    assert _commonest([None] * 10) is None


def test_the_form_that_most_rows_share_is_shown() -> None:
    assert _commonest(["2026-03-01"] * 5 + ["NULL"] * 4 + [None] * 9) == "9999-99-99"


def test_a_relation_may_be_a_query_with_parameters() -> None:
    with duckdb.connect(":memory:") as con:
        found = commonest_shape(con, "(SELECT unnest($values) AS v)", "v", {"values": ["a-1", "b-2", "c-3"]})
    assert found == "a-9"


@settings(max_examples=100)
@given(st.text(alphabet=st.characters(max_codepoint=0x17F, exclude_characters="\0"), max_size=LONGEST + 5))
@example("Ж\u00a0٣\t_" + "x" * LONGEST)
def test_no_letter_and_no_digit_of_a_value_is_in_its_form(value: str) -> None:
    found = _commonest([value] * LEAST)
    assert found == form_of(value)
    assert not Counter(value) & Counter(c for c in found or "" if c.isalnum() and c not in "a9")
