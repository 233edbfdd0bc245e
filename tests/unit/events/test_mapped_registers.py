"""Each key of a register mapping, from files to who may be counted."""

from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import RejectedInput
from tasks.events.formats import load_formats
from tasks.events.formats.columns import BLANKS, trimmed
from tasks.events.panel import read_panel
from tasks.period import Period
from tasks.policy_file import load
from tests.unit.events.factory import write

DAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
PEOPLE = "subscriber_id,birth_year,gender,segment,home_mcc\n1,1980,f,consumer,262\n"
GIVEN = "subscriber_id,purpose,granted_at,withdrawn_at,channel,text_version\n1,insights,2026-01-01T00:00:00Z,,app,v1\n"


def members(root: Path, mapping: str = "") -> list[dict[str, object]]:
    (root / "formats.toml").write_text(mapping)
    policy = load().policy
    panel, _ = read_panel(
        root,
        period=Period.day(DAY),
        time=policy.time,
        who=policy.who,
        now=NOW,
        keyed=[b"k" * 32],
        formats=load_formats(root / "formats.toml"),
    )
    columns = ["subscriber_id", "from_second", "to_second", "age_band", "gender"]
    rows: list[dict[str, object]] = panel.select(columns).to_pylist()
    return rows


def test_what_shows_nothing_is_cut_off_at_both_ends_of_a_text_alone() -> None:
    signs = ["a", "!", "~", "\x7f", "\x80", " ", "\u200d", "\u0301", "\n", "é"]
    texts = ["".join(text) for length in range(4) for text in product(signs, repeat=length)]
    with duckdb.connect() as con:
        con.register("texts", pa.table({"said": texts}))
        found = con.execute(f"SELECT said, {trimmed('said')} FROM texts").fetchall()
    assert [text for text, cut in found if cut != text.strip(BLANKS)] == []


def landed(root: Path, people: str | None = PEOPLE, given: str | None = GIVEN) -> Path:
    for name, text in (("subscribers", people), ("consents", given)):
        if text is not None:
            write(root / f"{name}.csv", text.encode())
    return root


def test_a_crm_export_is_mapped_by_names_words_and_constants(tmp_path: Path) -> None:
    people = "MSISDN;GEBJAHR;GESCHLECHT;TYP\n1;1980;Weiblich;Privat\n"
    mapping = """
        [subscribers.crm]
        separator = ";"
        columns = { subscriber_id = "msisdn", birth_year = "GebJahr", gender = "geschlecht", segment = "typ" }
        constants = { home_mcc = "262" }
        values.gender = { weiblich = "f" }
        values.segment = { privat = "consumer" }
    """
    (found,) = members(landed(tmp_path, people), mapping)
    assert (found["subscriber_id"], found["gender"]) == ("1", 0)


@pytest.mark.parametrize(
    ("form", "granted", "second"),
    [
        ('pattern = "%d.%m.%Y %H:%M"', "28.02.2026 23:00", -3600),
        ('pattern = "%d.%m.%Y"', "28.02.2026", -86_400),
        ('pattern = "%d.%m.%Y %H:%M", zone = "UTC"', "28.02.2026 22:00", -3600),
        ('pattern = "%Y%m%d%H%M%S %z"', "20260228220000 +0000", -3600),
        ('unit = "ms"', "1772316000000", -3600),
        ('zone = "UTC"', "2026-02-28 22:00", -3600),
    ],
)
def test_times_of_a_register_are_written_as_the_mapping_says(
    tmp_path: Path, form: str, granted: str, second: int
) -> None:
    landed(tmp_path, given=GIVEN.replace("2026-01-01T00:00:00Z", granted))
    (found,) = members(tmp_path, f"[consents.own]\ntime = {{ {form} }}\n")
    assert found["from_second"] in (second, second + 86_400)  # a date alone is taken as late as it can be meant


@pytest.mark.parametrize("form", ['pattern = "%d.%m.%Y"', 'unit = "s"', 'zone = "UTC"'])
def test_a_withdrawal_that_is_not_of_the_form_still_withdraws(tmp_path: Path, form: str) -> None:
    given = GIVEN.replace(",,app", ",sometime,app")
    if "pattern" in form:
        given = given.replace("2026-01-01T00:00:00Z", "01.01.2026")
    if "unit" in form:
        given = given.replace("2026-01-01T00:00:00Z", "1767225600")
    assert members(landed(tmp_path, given=given), f"[consents.own]\ntime = {{ {form} }}\n") == []


NUMBERS = (1_769_900_000.5, 2.5e20, float("inf"), float("nan"))
FORMS = {
    "": "2026-01-01T00:00:00Z",
    'zone = "UTC"': "2026-01-01T00:00:00Z",
    'pattern = "%d.%m.%Y"': "01.01.2026",
    'unit = "us"': "1767225600000000",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("left", [pa.array([None, *NUMBERS]), pa.array([None, b"\xff"])], ids=["numbers", "bytes"])
def test_whatever_a_parquet_file_holds_for_a_withdrawal_withdraws(tmp_path: Path, left: Any, form: Any) -> None:
    ids = [str(number) for number in range(1, len(left) + 1)]
    header, person = PEOPLE.splitlines()
    landed(tmp_path, "\n".join([header, *(person.replace("1", each, 1) for each in ids)]), given=None)
    names, row = (line.split(",") for line in GIVEN.splitlines())
    table = {name: pa.array([value] * len(left)) for name, value in zip(names, row, strict=True)}
    table |= {"subscriber_id": pa.array(ids), "granted_at": pa.array([FORMS[form]] * len(left)), "withdrawn_at": left}
    pq.write_table(pa.table(table), tmp_path / "consents.parquet")
    found = members(tmp_path, f"[consents.own]\ntime = {{ {form} }}\n" if form else "")
    assert [member["subscriber_id"] for member in found] == ["1"], "who has no value there"


def test_a_constant_takes_no_columns_place(tmp_path: Path) -> None:
    mapping = '[consents.own]\nconstants = { withdrawn_at = "" }\n'
    assert members(landed(tmp_path, given=GIVEN.replace(",,app", ",2026-02-01,app")), mapping) == []
    assert len(members(landed(tmp_path, given=GIVEN.replace("withdrawn_at", "note")), mapping)) == 1


@pytest.mark.parametrize("second", ["withdrawn_at", "Withdrawn_At"])
def test_a_register_that_has_a_column_twice_is_refused(tmp_path: Path, second: str) -> None:
    landed(tmp_path, given=GIVEN.replace("\n", f",{second}\n", 1).replace(",,app,v1", ",2026-02-01,app,v1,"))
    with pytest.raises(RejectedInput, match="withdrawn_at"):
        members(tmp_path)


@pytest.mark.parametrize("second", ["withdrawn_at", "Withdrawn_At"])
def test_a_register_in_parquet_that_has_a_column_twice_is_refused(tmp_path: Path, second: str) -> None:
    landed(tmp_path, given=None)
    header, row = (line.split(",") for line in GIVEN.splitlines())
    values = [pa.array([value]) for value in [*row, "2026-02-01"]]
    pq.write_table(pa.table(values, names=[*header, second]), tmp_path / "consents.parquet")
    with pytest.raises(RejectedInput, match="withdrawn_at"):
        members(tmp_path)


def test_no_shipped_format_reads_a_file_of_the_operators_own_that_lacks_a_column(tmp_path: Path) -> None:
    mapping = '[consents.own]\ncolumns = { withdrawn_at = "left" }\n'
    with pytest.raises(RejectedInput, match="left"):
        members(landed(tmp_path), mapping)
    assert len(members(tmp_path, mapping.replace("{", '{ subscriber_id = "who",'))) == 1
    assert len(members(tmp_path, mapping + '[consents.other]\ncolumns = { purpose = "purpose" }\n')) == 1


def test_a_column_that_the_mapping_names_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput, match="number_since"):
        members(landed(tmp_path), '[subscribers.native]\ncolumns = { active_from = "number_since" }\n')


def test_a_sentinel_that_the_mapping_lists_is_no_withdrawal(tmp_path: Path) -> None:
    landed(tmp_path, given=GIVEN.replace(",,app", ",9999-12-31,app"))
    assert members(tmp_path) == []
    assert len(members(tmp_path, '[consents.own]\nnull_words = ["9999-12-31"]\n')) == 1


@pytest.mark.parametrize(("meaning", "second"), [("utc", -3600), ("local", -7200)])
def test_int96_in_a_register_means_utc_unless_the_mapping_says_local(tmp_path: Path, meaning: str, second: int) -> None:
    landed(tmp_path, given=None)
    columns = dict(
        zip(GIVEN.split("\n")[0].split(","), ([each] for each in GIVEN.split("\n")[1].split(",")), strict=True)
    )
    table = {name: pa.array([value[0] or None], pa.string()) for name, value in columns.items()}
    table["granted_at"] = pa.array([datetime(2026, 2, 28, 22)], pa.timestamp("us"))
    pq.write_table(pa.table(table), tmp_path / "consents.parquet", use_deprecated_int96_timestamps=True)
    (found,) = members(tmp_path, f'[consents.own]\ntime = {{ int96 = "{meaning}" }}\n')
    assert found["from_second"] == second


def test_ids_of_registers_follow_the_rule_of_the_events(tmp_path: Path) -> None:
    landed(tmp_path, PEOPLE.replace("\n1,", "\n+49 17,").replace("+49 17", "+4917"), GIVEN.replace("\n1,", "\n017,"))
    assert members(tmp_path) == []
    (found,) = members(tmp_path, '[ids]\nprefixes = { "+" = "", "00" = "", "0" = "49" }\n')
    assert found["subscriber_id"] == "4917"


def test_a_register_may_be_a_folder_of_parts(tmp_path: Path) -> None:
    landed(tmp_path, None)
    write(tmp_path / "subscribers" / "part-0.csv", PEOPLE.encode())
    write(tmp_path / "subscribers" / "part-1.csv", PEOPLE.replace("\n1,", "\n2,").encode())
    write(tmp_path / "subscribers" / "_SUCCESS", b"")
    write(tmp_path / "consents.csv", GIVEN.encode() + GIVEN.split("\n")[1].replace("1,", "2,", 1).encode() + b"\n")
    assert [found["subscriber_id"] for found in members(tmp_path)] in (["1", "2"], ["2", "1"])


def test_parts_of_two_layouts_are_refused(tmp_path: Path) -> None:
    landed(tmp_path, None)
    write(tmp_path / "subscribers" / "part-0.csv", PEOPLE.encode())
    write(tmp_path / "subscribers" / "part-1.csv", PEOPLE.replace("gender", "x,gender").replace(",f,", ",,f,").encode())
    with pytest.raises(RejectedInput, match="differ"):
        members(tmp_path)


@pytest.mark.parametrize("file", ["_delta_log/0.json", "metadata/v1.metadata.json", "_SUCCESS"])
def test_a_folder_that_is_a_table_or_empty_is_refused(tmp_path: Path, file: str) -> None:
    landed(tmp_path, None)
    write(tmp_path / "subscribers" / file, b"x")
    with pytest.raises(RejectedInput):
        members(tmp_path)


def test_a_register_without_header_is_named_by_the_mapping(tmp_path: Path) -> None:
    names = GIVEN.split("\n")[0].split(",")
    landed(tmp_path, given=GIVEN.split("\n")[1] + "\n")
    assert len(members(tmp_path, f"[consents.own]\nheader = false\nnames = {names}\n")) == 1


def test_a_register_that_lacks_columns_names_them(tmp_path: Path) -> None:
    landed(tmp_path, PEOPLE.replace("gender", "sex"))
    with pytest.raises(RejectedInput, match="gender"):
        members(tmp_path)


@pytest.mark.parametrize("form", ['zone = "UTC"', 'zone = "UTC"\npattern = "%d.%m.%Y"'])
def test_a_date_alone_stays_one_whatever_the_mapping_says_of_zones(tmp_path: Path, form: str) -> None:
    given = "2026-01-01" if "pattern" not in form else "01.01.2026"
    landed(tmp_path, given=GIVEN.replace("2026-01-01T00:00:00Z", given))
    (found,) = members(tmp_path, f"[consents.own.time]\n{form}\n")
    assert found["from_second"] == -58 * 86_400
