"""What is over is destroyed: keys with the last row under them, and the rows of those who withdrew."""

import shutil
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tasks.errors import RefusedRelease, StorageUnavailable
from tasks.expire import Expire
from tasks.ingest import Ingest
from tasks.period import Period
from tasks.plan import make_plan
from tasks.plan.states import State
from tasks.refs import ExpiryRef
from tasks.release import key_ends
from tasks.store import Stores
from tests.dying import Tick, dies
from tests.integration.verbs.dying_stores import Border, dying
from tests.plain_validator import plain
from tests.promise.conftest import Above, Way, installation
from tests.promise.landing import consent, person, seen, write_events, write_people
from tests.refusals import refused

DAY, NEXT = date(2026, 3, 3), date(2026, 3, 4)
MONTH, WEEK = Period.month(DAY), Period.parse("2026-W10")
PERIODS = (MONTH, WEEK, Period.day(DAY), Period.day(NEXT))
KEPT = [(period, day) for period in PERIODS for day in (DAY, NEXT) if day in period.days]
PEOPLE = [person("a"), person("b")]
LEFT = [consent("a"), consent("b", withdrawn="2026-04-10T00:00:00Z")]
CHANGING = ("lake.without", "lake.keep_only", "lake.remove_eligible", "lake.delete_eligible",
            "catalog.replace_files", "catalog.expire_period", "catalog.end_expiry", "data_keys.destroy",
            "pseudonym_keys.destroy")  # fmt: skip


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Way:
    """Two days of two people, the first of them published."""
    with installation(tmp_path_factory.mktemp("two-days")) as way:
        write_people(way.landing, PEOPLE, [consent("a"), consent("b")])
        for day in (DAY, NEXT):
            write_events(way.landing, day, [*seen("a", day), *seen("b", day)])
            way.ingest(day)
        way.publish("footfall", str(DAY))
    return way


@pytest.fixture
def kept(two_days: Way, way: Way) -> Way:
    """A copy of them."""
    return way.begin_as(two_days)


def expire(way: Way, stores: Stores | None = None) -> ExpiryRef:
    return Expire(stores or way.stores(), lambda: way.now)()


def ends(way: Way) -> datetime:
    """When the last key may be destroyed."""
    stores = way.stores()
    return key_ends(MONTH, stores.catalog.days(DAY, NEXT), stores.policy.policy)


def persons(stores: Stores) -> dict[str, int]:
    """Distinct pseudonyms in each day's tables, and in the week's and month's states of it."""
    found: dict[str, set[int]] = {}
    for period, day in KEPT:
        for file in stores.catalog.files_of(period, day):
            found.setdefault(f"{period} {day}", set()).update(stores.lake.rows(file)["pseudonym"].to_pylist())
    return {name: len(pseudonyms) for name, pseudonyms in found.items()}


def rows(stores: Stores) -> int:
    """Rows of persons in the lake."""
    return sum(len(stores.lake.rows(file)) for of in KEPT for file in stores.catalog.files_of(*of))


def test_keys_and_rows_go_together_when_their_time_is_over_and_not_before(kept: Way) -> None:
    stores = kept.stores()
    kept.now = min(ends(kept), datetime.now(UTC) + timedelta(days=30))
    assert expire(kept).periods == 0
    assert len(stores.data_keys.periods()) == len(stores.pseudonym_keys.periods()) == len(PERIODS)
    sealed = sum(len(stores.catalog.files_of(*of)) for of in KEPT)
    kept.now = ends(kept)
    ref = expire(kept)
    assert (ref.periods, ref.files) == (len(PERIODS), sealed)
    assert stores.data_keys.periods() | stores.pseudonym_keys.periods() == set()
    assert not list(stores.settings.lake_root.rglob("*.sealed"))
    assert [entry.subject for entry in stores.audit.entries() if entry.event == "period destroyed"] == [
        f"period {period}" for period in PERIODS
    ]
    assert expire(kept) == ExpiryRef(ref.outcome, 0, 0, 0)


def test_an_expired_period_is_not_ingested_nor_drawn_again_and_what_was_published_stands(kept: Way) -> None:
    kept.now = ends(kept)
    expire(kept)
    assert kept.publish("footfall", str(DAY)).outcome == "AlreadyPublished"
    for act in (lambda: kept.publish("footfall", str(NEXT)), lambda: kept.ingest(NEXT, again=True)):
        with pytest.raises(RefusedRelease, match="expired"):
            act()
    assert kept.stores().data_keys.periods() | kept.stores().pseudonym_keys.periods() == set()
    plan = make_plan(kept.stores(), DAY, NEXT, kept.now, product="footfall")
    assert {step.subject: step.state for step in plan.steps if step.verb == "publish"} == {
        f"footfall {DAY}": State.DONE,
        f"footfall {NEXT}": State.IMPOSSIBLE,
    }
    assert {step.state for step in plan.steps if step.verb == "ingest"} == {State.DONE}


def test_restored_keys_and_rows_of_an_expired_period_are_used_by_nothing_and_destroyed_again(
    kept: Way, tmp_path: Path
) -> None:
    stores = kept.stores()
    roots = (stores.settings.keys_root, stores.settings.lake_root)
    for root in roots:
        shutil.copytree(root, tmp_path / root.name)
    kept.now = ends(kept)
    expire(kept)
    for root in roots:
        shutil.copytree(tmp_path / root.name, root, dirs_exist_ok=True)
    for act in (lambda: kept.publish("footfall", str(NEXT)), lambda: kept.ingest(NEXT, again=True)):
        with refused("release.data_expired"):
            act()
    assert expire(kept).periods == len(PERIODS)
    assert stores.data_keys.periods() | stores.pseudonym_keys.periods() == set()
    assert not list(stores.settings.lake_root.rglob("*.sealed"))


def test_late_files_of_an_expired_day_are_nothing_to_do(kept: Way) -> None:
    kept.now = ends(kept)
    expire(kept)
    write_events(kept.landing, DAY, seen("a", DAY))
    steps = make_plan(kept.stores(), DAY, DAY, kept.now, product="footfall").steps
    assert {step.state for step in steps} == {State.DONE}


def test_rows_of_who_withdrew_go_from_days_states_and_lists_and_nothing_becomes_stale(kept: Way) -> None:
    stores = kept.stores()
    write_people(kept.landing, PEOPLE, LEFT)
    before, both = persons(stores), rows(stores)
    assert set(before.values()) == {2}
    ref = expire(kept)
    assert dict.fromkeys(before, 1) == persons(stores)
    assert stores.lake.eligible(Period.day(DAY)).table.num_rows == 1
    assert ref.rows == rows(stores) == both / 2 > 2 * 24, "both did the same"
    stores.lake.check_files(stores.catalog.lake_files({DAY: 1, NEXT: 1}))
    assert "ingested again" not in " ".join(kept.publish("footfall", str(DAY)).stale)
    assert kept.persons(NEXT) == [1] * 24
    assert expire(kept).rows == 0


def test_who_withdrew_is_read_as_the_operators_mapping_says(kept: Way) -> None:
    stores = kept.stores()
    write_people(kept.landing, PEOPLE, LEFT)
    consents = kept.landing / "consents.csv"
    consents.write_text(consents.read_text().replace("withdrawn_at", "left"))
    (kept.landing / "formats.toml").write_text('[consents.own]\ncolumns = { withdrawn_at = "left" }\n')
    assert expire(kept).rows == rows(stores)
    assert set(persons(stores).values()) == {1}


def test_a_lost_file_hinders_no_other_days_removal(kept: Way) -> None:
    stores = kept.stores()
    write_people(kept.landing, PEOPLE, LEFT)
    for file in stores.catalog.files_of(Period.day(DAY), DAY):
        (stores.settings.lake_root / file.path).unlink()
    with pytest.raises(StorageUnavailable, match=f"ingest {DAY} --again"):
        expire(kept)
    of_next = [stores.lake.rows(file)["pseudonym"] for file in stores.catalog.files_of(Period.day(NEXT), NEXT)]
    assert len({pseudonym for column in of_next for pseudonym in column.to_pylist()}) == 1


def test_what_a_dead_ingest_left_and_versions_that_nobody_needs_any_more_are_removed(kept: Way) -> None:
    stores = kept.stores()
    write_events(kept.landing, NEXT, seen("a", NEXT))

    def die() -> None:
        Ingest(dying(kept.stores(), Border("after staged.complete")), Above(), lambda: kept.now, validator=plain)(NEXT)

    assert dies(lambda _: die(), 0)
    left = list(stores.settings.lake_root.rglob("generation=2"))
    assert left
    expire(kept)
    assert not [path for path in left if path.exists()]
    assert set(persons(stores).values()) == {2}


def test_what_a_killed_ingest_left_of_raw_ids_is_removed(kept: Way) -> None:
    scratch = kept.stores().settings.scratch_root
    left = [scratch / "landing" / str(DAY), scratch / f"day-{DAY}" / "spill"]
    for folder in left:
        folder.mkdir(parents=True)
    expire(kept)
    assert not [folder for folder in left if folder.exists()]


@pytest.mark.parametrize("over", [False, True])
def test_an_expiry_killed_anywhere_and_run_again_ends_as_one_that_was_not(kept: Way, over: bool) -> None:
    write_people(kept.landing, PEOPLE, LEFT)
    kept.now = ends(kept) if over else kept.now
    whole = copied(kept, "whole")
    border = Border(None)
    expire(whole, dying(whole.stores(), border))
    numbers = [n for n, where in enumerate(border.passed, 1) if where.removeprefix("after ") in CHANGING]
    assert len(numbers) > 5
    ended = books(whole)
    for number in [*numbers[:: max(1, len(numbers) // 8)], numbers[-1]]:
        home = copied(kept, str(number))
        assert dies(partial(expire_until, home, number), 0)
        expire(home)
        assert books(home) == ended, border.passed[number - 1]


def expire_until(way: Way, border: int, _: Tick) -> None:
    """An expiry that dies at a border."""
    expire(way, dying(way.stores(), Border(border)))


def copied(way: Way, name: str) -> Way:
    """The same landing, and a home of its own."""
    other = Way(way.root / name, way.now)
    other.root.mkdir()
    (other.root / "landing").symlink_to(way.landing)
    shutil.copytree(way.root / "home", other.root / "home")
    return other


def books(way: Way) -> dict[str, object]:
    """What an expiry has to do with."""
    stores = way.stores()
    return {
        "persons": persons(stores),
        "keys": (stores.data_keys.periods(), stores.pseudonym_keys.periods()),
        "files": sorted(info.key for info in stores.lake.objects.list("") if info.key.endswith(".sealed")),
        "expired": stores.catalog.expired_periods(),
        "audit": sorted({entry.event for entry in stores.audit.entries()}),
    }
