"""Registers go forward: an old file put back, or one that lost rows, stops until somebody says that it is right."""

import os
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import Misconfigured, RejectedInput
from tasks.ingest import Ingest
from tasks.refs import DayRef
from tasks.staleness import changes_since
from tasks.store.audit import AuditEntry
from tests.plain_validator import plain
from tests.promise.conftest import Above, Way, installation
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY, NEXT = date(2026, 3, 3), date(2026, 3, 4)
NAMES = [f"p{n:02d}" for n in range(40)]
LEFT = "2026-04-01T00:00:00Z"


def _write(way: Way, *rows: tuple[str, ...]) -> None:
    write_people(way.landing, [person(name) for name in NAMES], [*(consent(name) for name in NAMES[1:]), *rows])


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Way:
    """A day is ingested; since then one person has withdrawn, and the next day is ingested too."""
    with installation(tmp_path_factory.mktemp("two-days")) as way:
        for day in (DAY, NEXT):
            write_events(way.landing, day, [row for name in NAMES[:3] for row in seen(name, day)])
        _write(way, consent("p00"))
        assert way.ingest(DAY).outcome == "Ingested"
        _write(way, consent("p00", withdrawn=LEFT))
        assert way.ingest(NEXT).outcome == "Ingested"
    return way


@pytest.fixture
def grown(two_days: Way, way: Way) -> Way:
    """A copy of it."""
    return way.begin_as(two_days)


def _override(way: Way, *rules: str) -> DayRef:
    stores = way.stores()
    reason = stores.audit.write(AuditEntry.by_user("override", "day", "the operator said so"))
    return Ingest(stores, Above(), lambda: way.now, validator=plain)(NEXT, rules, reason)


def _used(way: Way) -> list[str]:
    return [entry.event for entry in way.stores().audit.entries("register consents")]


def test_an_old_consents_file_stops_ingest_and_publish_and_charges_nothing(grown: Way) -> None:
    _write(grown, consent("p00"))
    for refused in (lambda: grown.ingest(NEXT), lambda: grown.persons(NEXT)):
        with pytest.raises(RejectedInput, match="register_went_back"):
            refused()
    assert grown.stores().ledger.find("footfall", 3, str(NEXT)) is None
    _write(grown, consent("p00", withdrawn=LEFT))
    assert grown.persons(NEXT) == [2] * 24


def test_a_person_who_lets_an_old_file_count_is_in_the_audit(grown: Way) -> None:
    _write(grown, consent("p00"))
    with pytest.raises(Misconfigured):
        Ingest(grown.stores(), Above(), lambda: grown.now, validator=plain)(NEXT, ["register_went_back"])
    assert _override(grown, "register_went_back").outcome == "Ingested"
    assert _used(grown) == ["register used", "register used", "register accepted"]
    assert grown.persons(NEXT) == [3] * 24
    _write(grown, consent("p00", withdrawn=LEFT))
    assert grown.ingest(NEXT).outcome == "Ingested", "the newer one needs nobody's word"
    assert grown.stores().audit.entries("register consents")[-1].event == "register used"


def test_an_older_export_that_was_never_used_stops_too(grown: Way) -> None:
    _write(grown, consent("p00"), ("x99", "marketing", "2026-02-01T00:00:00Z", "", "app", "v1"))
    for refused in (lambda: grown.ingest(NEXT), lambda: grown.persons(NEXT)):
        with pytest.raises(RejectedInput, match="register_went_back"):
            refused()


def test_a_consents_file_that_lost_withdrawals_stops(grown: Way) -> None:
    later = consent("p01", granted="2026-04-02T00:00:00Z")
    _write(grown, consent("p00", withdrawn=LEFT), later)
    assert grown.ingest(NEXT).outcome == "Ingested"
    _write(grown, consent("p00"), later, consent("p02", granted="2026-04-03T00:00:00Z"))
    with pytest.raises(RejectedInput, match="register_shrunk"):
        grown.ingest(NEXT)


@pytest.mark.parametrize("register", ["subscribers", "consents"])
def test_a_register_that_lost_more_than_its_share_of_rows_stops(grown: Way, register: str) -> None:
    path: Path = grown.landing / f"{register}.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:10], *lines[12:]]))
    assert grown.ingest(NEXT).outcome == "Ingested"
    path.write_bytes(b"".join([*lines[:10], *lines[15:]]))
    for refused in (lambda: grown.ingest(NEXT), lambda: grown.persons(NEXT)):
        with pytest.raises(RejectedInput, match="register_shrunk"):
            refused()
    assert _override(grown, "register_shrunk").outcome == "Ingested"
    assert grown.ingest(NEXT).outcome == "AlreadyIngested"


def test_a_register_is_known_by_its_content_whatever_its_age(grown: Way) -> None:
    digest = _people_digest(grown)
    os.utime(grown.landing / "consents.csv", (1, 1))
    assert grown.ingest(NEXT).outcome == "AlreadyIngested"
    assert _people_digest(grown) == digest
    again = (grown.landing / "consents.csv").read_bytes().replace(b"v1", b"v2")
    (grown.landing / "consents.csv").write_bytes(again)
    os.utime(grown.landing / "consents.csv", (1, 1))
    assert _people_digest(grown) != digest
    assert _used(grown) == ["register used", "register used"]


def test_a_release_keeps_the_digest_of_the_registers_that_it_rests_on(grown: Way) -> None:
    ref = grown.publish("footfall", str(NEXT))
    release = grown.stores().ledger.find("footfall", 3, ref.period)
    assert release is not None
    assert release.digests["people"] == _people_digest(grown)


def test_a_mapping_that_reads_registers_otherwise_makes_other_people(grown: Way) -> None:
    ref = grown.publish("footfall", str(NEXT))
    release = grown.stores().ledger.find("footfall", 3, ref.period)
    assert release is not None
    mapping = grown.landing / "formats.toml"
    mapping.write_text("# nothing of registers\n")
    assert _people_digest(grown) == release.digests["people"]
    mapping.write_text('[consents.own]\nnull_words = ["9999-12-31"]\n')
    assert _people_digest(grown) != release.digests["people"]
    assert len(changes_since(grown.stores(), release, grown.now)) == 1
    mapping.write_text("[consents")
    assert len(changes_since(grown.stores(), release, grown.now)) == 1


def _people_digest(way: Way) -> str:
    from tasks.register_versions import registers_digest

    return registers_digest(way.stores())
