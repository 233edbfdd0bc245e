"""Who may be counted: consent with proof that stands now, of age, a consumer, at home, the number's present owner."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tasks.errors import RejectedInput, StepFailed
from tasks.events.formats import shipped
from tasks.events.panel import _pseudonyms as pseudonyms
from tasks.events.panel import eligible, read_panel, withdrawn
from tasks.period import Period
from tasks.policy import Eligibility
from tests.refusals import refused
from tests.unit.events.factory import at, csv_bytes, times, write, write_parquet

SUBSCRIBERS = ("subscriber_id", "birth_year", "gender", "segment", "home_mcc", "active_from")
CONSENTS = ("subscriber_id", "purpose", "granted_at", "withdrawn_at", "channel", "text_version")
PERSON = ("a", "1980", "f", "consumer", "262", "")
CONSENT = ("a", "insights", "2026-01-01T00:00:00+01:00", "", "app", "v1")
WHO = Eligibility(purpose="insights", minimum_age=18, segments=("consumer",), home_mcc=262, other_purposes=())
NOW = at("2026-03-03T12:00:00+01:00")
DAY_START = at("2026-03-01T00:00:00+01:00")
FOREVER = 2**31 - 1
Rows = Sequence[Sequence[str]]


def panel(root: Path, people: Rows = (PERSON,), consents: Rows = (CONSENT,), period: str = "2026-03-01") -> pa.Table:
    write(root / "subscribers.csv", csv_bytes(people, SUBSCRIBERS))
    write(root / "consents.csv", csv_bytes(consents, CONSENTS))
    return build(root, period)


def build(root: Path, period: str = "2026-03-01", keyed: Sequence[bytes] = (b"k" * 32,)) -> pa.Table:
    of = Period.parse(period)
    return read_panel(root, period=of, time=times(), who=WHO, now=NOW, keyed=keyed, formats=shipped())[0]


def person(**changes: str) -> tuple[str, ...]:
    return tuple(changes.get(name, value) for name, value in zip(SUBSCRIBERS, PERSON, strict=True))


def consent(**changes: str) -> tuple[str, ...]:
    return tuple(changes.get(name, value) for name, value in zip(CONSENTS, CONSENT, strict=True))


def second(text: str) -> int:
    return int((at(text) - DAY_START).total_seconds())


def test_a_standing_consent_with_proof_makes_a_member(tmp_path: Path) -> None:
    [member] = panel(tmp_path).to_pylist()
    pseudonym = int.from_bytes(blake2b(b"a", key=b"k" * 32, digest_size=8).digest(), "big")
    assert member == {
        "subscriber_id": "a",
        "from_second": second("2026-01-01T00:00:00+01:00"),
        "to_second": FOREVER,
        "age_band": 3,
        "gender": 0,
        "pseudonym": pseudonym,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_year": "2008"},
        {"birth_year": ""},
        {"birth_year": "unknown"},
        {"birth_year": "1900"},
        {"birth_year": "2027"},
        {"birth_year": "1980-05-01"},
        {"birth_year": "1980.5"},
        {"gender": "male"},
        {"gender": "1"},
        {"segment": "Consumer"},
        {"segment": "business"},
        {"segment": "iot"},
        {"segment": ""},
        {"home_mcc": "208"},
        {"home_mcc": ""},
        {"active_from": "some day"},
        {"subscriber_id": "b"},
    ],
    ids=str,
)
def test_who_is_not_a_grown_consumer_at_home_here_is_out(tmp_path: Path, changes: Any) -> None:
    assert panel(tmp_path, [person(**changes)]).num_rows == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "marketing"},
        {"channel": ""},
        {"text_version": " "},
        {"granted_at": ""},
        {"granted_at": "last spring"},
        {"granted_at": "2026-03-03T12:00:01+01:00"},
        {"granted_at": "2026-03-29T02:30:00"},
        {"withdrawn_at": "2026-03-03T12:00:00+01:00"},
        {"withdrawn_at": "2026-05-01"},
        {"withdrawn_at": "2026-02-01"},
        {"withdrawn_at": "soon"},
    ],
    ids=str,
)
def test_a_consent_without_proof_purpose_or_that_does_not_stand_now_is_none(tmp_path: Path, changes: Any) -> None:
    assert panel(tmp_path, consents=[consent(**changes)]).num_rows == 0


def test_a_number_given_to_a_new_person_loses_earlier_consent(tmp_path: Path) -> None:
    people = [PERSON, person(birth_year="1950", active_from="2026-02-01")]
    assert panel(tmp_path, people).num_rows == 0
    [member] = panel(tmp_path, people, [CONSENT, consent(granted_at="2026-02-01T00:00")]).to_pylist()
    assert (member["age_band"], member["from_second"]) == (5, second("2026-02-01T00:00:00+01:00"))


def test_of_two_rows_for_one_number_the_latest_owner_counts_and_a_tie_nobody(tmp_path: Path) -> None:
    older, newer = person(active_from="2020-01-01", birth_year="1990"), person(active_from="2021-01-01")
    assert panel(tmp_path, [newer, older])["age_band"].to_pylist() == [3]
    assert panel(tmp_path, [PERSON, PERSON]).num_rows == 0
    assert panel(tmp_path, [newer, person(active_from="unknown")]).num_rows == 0


def test_of_two_rows_for_one_number_nobody_counts_where_the_file_cannot_tell_since_when(tmp_path: Path) -> None:
    panel(tmp_path)
    write(tmp_path / "subscribers.csv", csv_bytes([PERSON[:5], person(birth_year="1950")[:5]], SUBSCRIBERS[:5]))
    assert build(tmp_path).num_rows == 0


@pytest.mark.parametrize(
    ("birth_year", "band"),
    [
        ("2007", 0),
        ("2002", 0),
        ("2001", 1),
        ("1992", 1),
        ("1991", 2),
        ("1972", 3),
        ("1971", 4),
        ("1962", 4),
        ("1961", 5),
    ],
)
def test_age_is_a_difference_of_years(tmp_path: Path, birth_year: str, band: int) -> None:
    assert panel(tmp_path, [person(birth_year=birth_year)])["age_band"].to_pylist() == [band]


@pytest.mark.parametrize(("gender", "code"), [("f", 0), ("m", 1), ("x", 2), ("", 2), ("F", 0)])
def test_genders_are_f_m_and_x_or_empty(tmp_path: Path, gender: str, code: int) -> None:
    assert panel(tmp_path, [person(gender=gender)])["gender"].to_pylist() == [code]


def test_every_period_has_pseudonyms_of_its_own_and_the_panel_is_sorted_by_the_first(tmp_path: Path) -> None:
    people = [person(subscriber_id=f"s{n}") for n in range(50)]
    panel(tmp_path, people, [consent(subscriber_id=f"s{n}") for n in range(50)])
    table = build(tmp_path, keyed=(b"d" * 32, b"m" * 32))
    day, month = table["pseudonym"].to_pylist(), table["extra_0"].to_pylist()
    assert day == sorted(day)
    assert len({*day, *month}) == 100
    assert month != sorted(month)
    assert eligible(table, 86_400).column_names == ["pseudonym", "age_band", "gender", "since"]


@pytest.mark.parametrize(
    ("granted_at", "since"),
    [
        ("2026-02-28T12:00:00+01:00", [0]),
        ("2026-03-01T10:30:00+01:00", [10 * 3600 + 1800]),
        ("2026-03-02T00:00:00+01:00", []),
    ],
)
def test_the_eligible_list_says_when_a_person_s_consent_begins(tmp_path: Path, granted_at: str, since: Any) -> None:
    members = panel(tmp_path, consents=[consent(granted_at=granted_at)])
    assert eligible(members, 86_400)["since"].to_pylist() == since


def test_seconds_count_from_the_start_of_the_period(tmp_path: Path) -> None:
    [member] = panel(tmp_path, period="2026-02").to_pylist()
    assert member["from_second"] == -31 * 86_400


@pytest.mark.parametrize("typed", [True, False], ids=["timestamps", "dates"])
def test_registers_may_be_parquet_with_types(tmp_path: Path, typed: bool) -> None:
    write(tmp_path / "s.csv", csv_bytes([PERSON, person(subscriber_id="b")], SUBSCRIBERS))
    write(tmp_path / "c.csv", csv_bytes([consent(granted_at="2026-01-01")], CONSENTS))
    strings = pacsv.ConvertOptions(strings_can_be_null=True, column_types={"withdrawn_at": pa.null()})
    pq.write_table(pacsv.read_csv(tmp_path / "s.csv", convert_options=strings), tmp_path / "subscribers.parquet")
    consents = pacsv.read_csv(tmp_path / "c.csv", convert_options=strings)
    granted = consents["granted_at"].cast(pa.timestamp("us") if typed else pa.date32())
    pq.write_table(consents.set_column(2, "granted_at", granted), tmp_path / "consents.parquet")
    begins = "2026-01-01T00:00:00+01:00" if typed else "2026-01-02T00:00:00+01:00"
    assert build(tmp_path)["from_second"].to_pylist() == [second(begins)]


def test_a_register_that_is_missing_or_lacks_columns_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "subscribers.csv", csv_bytes([PERSON], SUBSCRIBERS))
    with pytest.raises(RejectedInput, match=r"none of consents.parquet or consents.csv"):
        build(tmp_path)
    write(tmp_path / "consents.csv", csv_bytes([CONSENT[:4]], CONSENTS[:4]))
    with pytest.raises(RejectedInput, match="lacks the columns channel, text_version"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"a,insights\n", "1 lines that cannot be read, the first at line 3"),
        (b'a,insights,2026-01-01,,app,"v1\n', "cannot be read|does not close"),
        (b'a,insights,2026-01-01,,"app,v1\na,insights,2026-01-01,",app,v1\n', "cannot be read|does not close"),
        (b'a,insights,2026-01-01,,"app\nshop",v1\n', "does not close on its own line"),
    ],
    ids=["a field too few", "a quote left open", "a quote over two lines", "a line break in a value"],
)
def test_a_register_that_is_not_read_whole_is_rejected(tmp_path: Path, line: bytes, words: str) -> None:
    write(tmp_path / "subscribers.csv", csv_bytes([PERSON], SUBSCRIBERS))
    write(tmp_path / "consents.csv", csv_bytes([CONSENT], CONSENTS) + line)
    with pytest.raises(RejectedInput, match=words):
        build(tmp_path)


def test_a_truncated_register_is_rejected(tmp_path: Path) -> None:
    panel(tmp_path)
    (tmp_path / "consents.csv").unlink()
    write(tmp_path / "consents.parquet", b"PAR1 and no more")
    with pytest.raises(RejectedInput, match=r"consents.parquet cannot be read: it is truncated"):
        build(tmp_path)


def test_a_register_damaged_in_the_middle_is_rejected(tmp_path: Path) -> None:
    panel(tmp_path)
    (tmp_path / "consents.csv").unlink()
    columns = {name: pa.array([value], pa.string()) for name, value in zip(CONSENTS, CONSENT, strict=True)}
    content = bytearray(write_parquet(tmp_path / "consents.parquet", columns).read_bytes())
    content[4:100] = b"\xff" * 96
    (tmp_path / "consents.parquet").write_bytes(bytes(content))
    with pytest.raises(RejectedInput, match=r"consents.parquet is damaged"):
        build(tmp_path)


def test_more_members_than_a_key_can_number_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.events.panel.SUBSCRIBERS", 0)
    with pytest.raises(RejectedInput, match="1 panel members are more than 0"):
        panel(tmp_path)


def test_two_subscribers_of_one_pseudonym_stop_the_day() -> None:
    with pytest.raises(StepFailed, match="share a pseudonym") as stopped:
        pseudonyms(pa.chunked_array([["49170555", "49170555"]]), b"k" * 32)
    assert "49170555" not in str(stopped.value), "neither is named"


@pytest.mark.parametrize(
    ("gone", "kept"),
    [
        (None, True),
        ("9999-12-31T00:00:00", False),
        ("2026-01-02T10:00:00", False),
        ("1890-01-01T00:00:00", False),
        ("3000-01-01T00:00:00", False),
    ],
)
def test_text_and_typed_dates_of_a_withdrawal_mean_the_same(tmp_path: Path, gone: str | None, kept: bool) -> None:
    assert panel(tmp_path, consents=[consent(withdrawn_at=gone or "")]).num_rows == kept
    (tmp_path / "consents.csv").unlink()
    columns = {name: pa.array([value], pa.string()) for name, value in zip(CONSENTS, CONSENT, strict=True)}
    text = pa.array([gone], pa.string())
    for typed in (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.date32(), pa.string()):
        value = text if typed == pa.string() else text.cast(pa.timestamp("us")).cast(typed)
        write_parquet(tmp_path / "consents.parquet", columns | {"withdrawn_at": value})
        assert build(tmp_path).num_rows == kept


def test_words_in_bytes_are_text_and_ids_in_bytes_are_hexadecimal(tmp_path: Path) -> None:
    for name, columns, row in (("subscribers", SUBSCRIBERS, PERSON), ("consents", CONSENTS, CONSENT)):
        plain = {column: pa.array([value.encode()]) for column, value in zip(columns, row, strict=True)}
        write_parquet(tmp_path / f"{name}.parquet", plain)
    [member] = build(tmp_path).to_pylist()
    assert (member["subscriber_id"], member["gender"], member["age_band"]) == (b"a".hex(), 0, 3)


def test_who_withdrew_is_known_by_pseudonyms_alone(tmp_path: Path) -> None:
    people = [person(subscriber_id=name) for name in ("a", "b", "c", "+c")]
    left = consent(subscriber_id="b", withdrawn_at="2026-02-01")
    again = [consent(subscriber_id="c", withdrawn_at="2026-02-01"), consent(subscriber_id="c", granted_at="2026-03-01")]
    panel(tmp_path, people, [CONSENT, left, *again])
    keys = (b"k" * 32, b"m" * 32)
    found = withdrawn(tmp_path, spill=tmp_path / "spill", time=times(), who=WHO, now=NOW, keyed=keys, formats=shipped())
    for key, pseudonym in zip(keys, found, strict=True):
        assert pseudonym.tolist() == sorted(pseudonyms(pa.chunked_array([["b", "+c"]]), key).tolist())


def test_registers_are_read_with_more_memory_where_little_does_not_suffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a megabyte holds neither register."""
    ids = [f"s{n:05d}" for n in range(20_000)]
    write(tmp_path / "subscribers.csv", csv_bytes([(each, *PERSON[1:]) for each in ids], SUBSCRIBERS))
    write(tmp_path / "consents.csv", csv_bytes([(each, *CONSENT[1:]) for each in ids], CONSENTS))
    little = [("600kB", 1)]
    monkeypatch.setattr("tasks.events.panel.LIMITS", [*little, *little])
    with refused("engine.out_of_memory"):
        spilling(tmp_path)
    monkeypatch.setattr("tasks.events.panel.LIMITS", [*little, ("200MB", 1)])
    assert spilling(tmp_path).num_rows == len(ids)


def test_a_scratch_that_cannot_be_written_is_not_taken_for_too_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"s{n:05d}" for n in range(60_000)]
    write(tmp_path / "subscribers.csv", csv_bytes([(each, *PERSON[1:]) for each in ids], SUBSCRIBERS))
    write(tmp_path / "consents.csv", csv_bytes([(each, *CONSENT[1:]) for each in ids], CONSENTS))
    (tmp_path / "spill").write_text("a file, no folder")
    monkeypatch.setattr("tasks.events.panel.LIMITS", [("16MB", 1), ("200MB", 1)])
    with refused("engine.scratch_unavailable"):
        spilling(tmp_path)


def spilling(root: Path) -> pa.Table:
    of = Period.parse("2026-03-01")
    found, _ = read_panel(
        root, period=of, time=times(), who=WHO, now=NOW, keyed=[b"k" * 32], formats=shipped(), spill=root / "spill"
    )
    return found
