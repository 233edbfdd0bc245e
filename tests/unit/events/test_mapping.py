"""A mapping: what it may say, how it is joined with the shipped formats, and what is refused by name."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import Misconfigured
from tasks.events.formats import MOST_BYTES, SHIPPED, load_formats, parse, shipped

EVENTS = '[events.mine]\nsubscriber = "msisdn"\ntime = "at"\ncell = "cell"\n'


def refused(text: str | bytes) -> str:
    with pytest.raises(Misconfigured) as refusal:
        parse(text if isinstance(text, bytes) else text.encode(), "formats.toml")
    return str(refusal.value)


def test_the_shipped_formats_are_mappings_like_any_other() -> None:
    assert [*shipped().events][:3] == ["native", "eurostat", "flowkit"]
    assert {*shipped().cells} == {"native", "eurostat"}
    assert load_formats().digest == ""
    assert len(SHIPPED) == 3


def test_own_formats_come_first_and_replace_shipped_ones_of_their_name(tmp_path: Path) -> None:
    file = tmp_path / "formats.toml"
    file.write_text(EVENTS + EVENTS.replace("mine", "flowkit"))
    found = load_formats(file)
    assert [*found.events] == ["mine", "flowkit", "native", "eurostat", "flowkit-calls", "flowkit-sms", "flowkit-etl"]
    assert found.events["flowkit"].time.column == ("at",)
    assert found.own == {"mine", "flowkit"}


def test_another_mapping_has_another_digest(tmp_path: Path) -> None:
    digests = set()
    for text in (EVENTS, EVENTS + "# said differently\n"):
        (tmp_path / "formats.toml").write_text(text)
        digests.add(load_formats(tmp_path / "formats.toml").digest)
    assert len(digests) == 2


def test_a_byte_order_mark_is_read_over() -> None:
    assert [*parse(b"\xef\xbb\xbf" + EVENTS.encode(), "formats.toml").events] == ["mine"]


@pytest.mark.parametrize(
    ("text", "place", "near"),
    [
        (EVENTS + 'seperator = ";"', "events.mine.seperator", "separator"),
        (EVENTS.replace('"at"', '{ column = "at", patern = "%Y" }'), "events.mine.time.patern", "pattern"),
        ("[landing]\nignored = []", "landing.ignored", "ignore"),
        (EVENTS + 'network = { pmln = "a" }', "events.mine.network.pmln", "plmn"),
        (EVENTS + "zzz = 1", "events.mine.zzz", "subscriber"),
        ("[evnts.mine]", "evnts", "events"),
        ('[ids]\nprefix = { "+" = "" }', "ids.prefix", "prefixes"),
        ('digest = "x"', "digest", "landing"),
    ],
)
def test_an_unknown_key_is_refused_by_its_place_and_the_nearest_key_is_named(text: Any, place: str, near: str) -> None:
    said = refused(text)
    assert f"{place} is not known" in said
    assert near in said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (EVENTS.replace('time = "at"\n', ""), "events.mine.time is missing"),
        (EVENTS + 'separator = "ab"', "events.mine.separator"),
        (EVENTS + 'separator = "\\""', "events.mine.separator"),
        (EVENTS + 'separator = "a"', "events.mine.separator"),
        (EVENTS + "header = false", "events.mine"),
        (EVENTS + 'names = ["a"]', "events.mine"),
        (EVENTS + 'header = false\nnames = ["a", "A"]', "events.mine"),
        (EVENTS.replace('"at"', '{ column = "at", pattern = "%d.%Q" }'), "events.mine.time.pattern"),
        (EVENTS.replace('"at"', '{ column = "at", pattern = "%d", unit = "s" }'), "events.mine.time"),
        (EVENTS.replace('"at"', '{ column = "at", unit = "s", zone = "UTC" }'), "events.mine.time"),
        (EVENTS.replace('"at"', '{ column = "at", zone = "Mars/Base" }'), "events.mine.time.zone"),
        (EVENTS.replace('"at"', '{ column = ["a", "b"], pattern = "%d" }'), "events.mine.time"),
        (EVENTS.replace('"at"', '{ column = ["a", "b"], unit = "s" }'), "events.mine.time"),
        (EVENTS.replace('"cell"', "{ within_m = 5 }"), "events.mine.cell"),
        (EVENTS.replace('"cell"', '{ latitude = "lat" }'), "events.mine.cell"),
        (EVENTS.replace("mine", "'no such name'"), "events"),
        ('[landing]\nfolders = ["dt=%Y-%m"]', "landing.folders"),
        ('[ids]\nprefixes = { "+" = "", "0" = "49" }', "ids.prefixes"),
        ('[landing]\nfolders = ["%Y%m%d%H"]', "landing.folders"),
        ('[landing]\nfolders = ["../%Y%m%d"]', "landing.folders"),
        ('[landing]\nfolders = ["%Y%m%d/%Y"]', "landing.folders"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_its_place(text: Any, place: str) -> None:
    assert place in refused(text)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"a = " + b"[" * 50_000, b"#" * (MOST_BYTES + 1), b"[events", b"[[events]]\n", b"events = 5"],
)
def test_what_is_no_mapping_is_refused(content: Any) -> None:
    assert "formats.toml" in refused(content)


@given(st.text(max_size=200))
def test_any_text_is_a_mapping_or_refused_in_words(text: Any) -> None:
    with suppress(Misconfigured):
        parse(text.encode(errors="replace"), "formats.toml")


def test_a_mapping_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        load_formats(tmp_path)
