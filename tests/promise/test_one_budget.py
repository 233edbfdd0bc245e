"""No way to a second budget: parts of other installations, books that were altered, a policy that was swapped."""

import shutil
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from flows import artifacts
from flows.messages import facts
from tasks import policy_file
from tasks.errors import RefusedRelease, StepFailed
from tasks.period import Period
from tasks.privacy.bounds import Contributions
from tasks.privacy.protect import KeyFacts, protect
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.release import PendingDraw, ReleaseDraw, ReleaseInputs, rules_of
from tasks.release_metadata import release_view, zones_view
from tasks.store.audit import AuditEntry
from tests.promise.conftest import Above, Way, installation
from tests.promise.landing import consent, person, seen, write_events, write_people
from tests.publisher import publisher
from tests.refusals import refused

DAY = date(2026, 3, 3)


@pytest.fixture(scope="module")
def one_release(tmp_path_factory: pytest.TempPathFactory) -> Way:
    """An installation with one day's release."""
    with installation(tmp_path_factory.mktemp("one-release")) as way:
        write_people(way.landing, [person("a")], [consent("a")])
        write_events(way.landing, DAY, seen("a", DAY))
        way.ingest(DAY)
        way.publish("footfall", str(DAY))
    return way


@pytest.fixture
def published(one_release: Way, way: Way) -> Way:
    """A copy of it."""
    return way.begin_as(one_release)


def _books(way: Way, statement: str) -> None:
    with way.stores().ledger._database.writing() as session:
        session.connection().execute(text(statement))


def _refused(way: Way, **places: Any) -> None:
    for verb in (lambda: way.ingest(DAY, **places), lambda: way.publish("footfall", str(DAY), **places)):
        with pytest.raises(RefusedRelease):
            verb()


def test_an_empty_database_over_a_lake_that_was_published_from_is_refused(published: Way, tmp_path: Path) -> None:
    _refused(published, database_url=f"sqlite:///{tmp_path / 'fresh.db'}")


def test_an_empty_database_with_an_empty_lake_over_old_keys_is_refused(published: Way, tmp_path: Path) -> None:
    _refused(published, database_url=f"sqlite:///{tmp_path / 'fresh.db'}", lake=str(tmp_path / "fresh"))


def test_a_lake_of_another_installation_is_refused(published: Way, tmp_path: Path) -> None:
    other = Way(tmp_path / "other")
    other.root.mkdir()
    foreign = other.stores().settings.lake_root
    _refused(published, lake=str(foreign))


def test_a_lake_or_a_key_store_that_was_emptied_is_refused(published: Way, tmp_path: Path) -> None:
    _refused(published, lake=str(tmp_path / "empty"))
    shutil.rmtree(published.root / "home" / "keys")
    _refused(published)


@pytest.mark.parametrize("keys", ["data", "digest", "pseudonym"])
def test_a_release_is_not_drawn_after_keys_of_one_kind_were_lost(way: Way, keys: str) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    shutil.rmtree(way.root / "home" / "keys" / keys)
    with pytest.raises(RefusedRelease):
        way.publish("footfall", str(DAY))


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM charge",
        "UPDATE month_budget SET spent = 0",
        "UPDATE month_budget SET spent = spent - 1",
        "DELETE FROM month_budget",
        "UPDATE release SET rho = '0'",
        "UPDATE release SET rho = '1/1000'",
    ],
)
def test_books_edited_by_hand_refuse_everything(published: Way, edit: str) -> None:
    _books(published, edit)
    _refused(published)


def test_a_charge_that_was_taken_out_of_all_books_is_missed(published: Way) -> None:
    for edit in ("DELETE FROM charge", "UPDATE month_budget SET spent = 0", "UPDATE release SET rho = '0'"):
        _books(published, edit)
    _refused(published)


def test_a_backup_of_the_books_from_before_a_release_refuses(published: Way) -> None:
    _books(published, "DELETE FROM charge WHERE release_id IN (SELECT id FROM release WHERE product = 'footfall')")
    _books(published, "DELETE FROM release WHERE product = 'footfall'")
    _books(published, "UPDATE month_budget SET spent = (SELECT sum(units) FROM charge)")
    _refused(published)


def test_a_policy_swapped_between_charge_and_draw_is_refused_even_at_the_same_price(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    way.ingest(DAY)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.release.ReleaseDraw.finish", _dies)
        with pytest.raises(StepFailed):
            way.publish("footfall", str(DAY))
    swapped = tmp_path / "policy.toml"
    swapped.write_text(policy_file.shipped().read_text().replace("minimum_age = 18", "minimum_age = 12"))
    with pytest.raises(RefusedRelease, match="another policy"):
        way.publish("footfall", str(DAY), policy=swapped)
    assert way.publish("footfall", str(DAY)).outcome == "Published"
    assert len(way.stores().ledger.charges("2026-03")) == 2


def test_a_later_policy_says_nothing_of_an_earlier_release(published: Way, tmp_path: Path) -> None:
    stores = published.stores()
    release = stores.ledger.find("footfall", 3, str(DAY))
    assert release
    before = release_view(stores, FOOTFALL, Period.day(DAY), release, zones_view(stores, release))
    later = tmp_path / "policy.toml"
    words = policy_file.shipped().read_text().replace('"strict"', '"wide"').replace("sigma = 32", "sigma = 40")
    later.write_text(words.replace("threshold = 96", "threshold = 130").replace("Europe/Berlin", "Europe/Lisbon"))
    later_stores = published.stores(policy=later)
    after = release_view(later_stores, FOOTFALL, Period.day(DAY), release, zones_view(later_stores, release))
    assert (after.levels, after.privacy, after.timezone) == (before.levels, before.privacy, before.timezone)


def test_a_stale_release_says_what_has_changed_and_what_a_revision_would_cost(published: Way) -> None:
    fresh = published.publish("footfall", str(DAY))
    assert (fresh.outcome, fresh.stale, fresh.revision_rho) == ("AlreadyPublished", (), None)
    write_people(published.landing, [person("a"), person("b")], [consent("a"), consent("b")])
    stale = published.publish("footfall", str(DAY))
    assert stale.stale == ("the subscribers or consents file, or its mapping, changed since",)
    assert stale.revision_rho == 24 / (2 * 32**2) + 24 / (2 * 64**2)
    assert facts(stale)[-1] == (
        "A revision would charge rho 0.0146: "
        "throng publish footfall 2026-03-03 --revision-of footfall/v3/2026-03-03/r1 --reason TEXT"
    )


def test_a_revision_is_charged_as_the_first_release_was(published: Way) -> None:
    stores = published.stores()
    reason = stores.audit.write(AuditEntry.by_user("revision", str(DAY), "a test"))
    publish = publisher(stores, Above(), lambda: published.now)
    publish("footfall", str(DAY), f"footfall/v3/{DAY}/r1", reason)
    units = [charge.units for of, charge in stores.ledger.charges("2026-03") if of.product == "footfall"]
    assert len(units) == 2
    assert units[0] == units[1]


def test_a_revision_takes_nothing_that_the_months_schedule_still_needs(published: Way, tmp_path: Path) -> None:
    """Of this cap, a footfall day would find its charge free, but releases of the month's other days need it."""
    tight = tmp_path / "tight.toml"
    tight.write_text(policy_file.shipped().read_text().replace("cap = 1.0 ", "cap = 0.94 "))
    stores = published.stores(policy=tight)
    reason = stores.audit.write(AuditEntry.by_user("revision", str(DAY), "a test"))
    before = stores.ledger.charges()
    with refused("budget.insufficient"):
        publisher(stores, Above(), lambda: published.now)("footfall", str(DAY), f"footfall/v3/{DAY}/r1", reason)
    assert stores.ledger.charges() == before


def test_a_release_drawn_by_other_rules_than_it_was_charged_by_is_not_stored(published: Way) -> None:
    """Noise of half the size for the same charge."""
    stores, period = published.stores(), Period.parse("2026-03-04")
    rules = rules_of(FOOTFALL, period, stores.policy.policy)
    weaker = tuple(replace(rule, sigma=rule.sigma / 2) for rule in rules)
    sums = [Contributions(rule.name, np.zeros(4, np.int64), rule.bound) for rule in weaker]
    draw = ReleaseDraw(stores)
    key = draw.reserve(FOOTFALL, period, 1, ReleaseInputs("plan", {}))
    with refused("privacy.defect"):
        draw.finish(key, rules, lambda: PendingDraw(partial(protect, sums, weaker, KeyFacts({}), Above())), {})
    assert stores.lake.staged(key) is None


def test_a_file_that_comes_after_the_release_makes_it_stale_until_its_day_is_ingested_again(published: Way) -> None:
    folder = published.landing / "events" / f"date={DAY}"
    shutil.copy(folder / "part-0.csv", folder / "part-1.csv")
    late = f"late files of {DAY}, for `throng ingest {DAY}` first: 1 file arrived (events/date={DAY}/part-1.csv)"
    assert published.publish("footfall", str(DAY)).stale == (late,)
    published.ingest(DAY)
    assert published.publish("footfall", str(DAY)).stale == ("days were ingested again since",)


def test_a_landing_that_was_cleared_makes_nothing_stale(published: Way) -> None:
    shutil.rmtree(published.landing / "events")
    assert published.publish("footfall", str(DAY)).stale == ()


def test_a_release_s_card_states_the_noise_and_the_charge_it_was_drawn_under(
    published: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = tmp_path / "policy.toml"
    words = (
        policy_file.shipped()
        .read_text()
        .replace("sigma = 32", "sigma = 64")
        .replace("threshold = 96", "threshold = 192")
    )
    wide.write_text(words)
    signing = published.root / "home" / "keys" / "signing"
    shutil.rmtree(signing)
    signing.touch(mode=0o000)  # a card needs no key that signs
    told: list[str] = []
    for name, value in (("HOME", published.root / "home"), ("LANDING", published.landing), ("POLICY", wide)):
        monkeypatch.setenv(f"THRONG_{name}", str(value))
    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda text, **_: told.append(text))
    artifacts.of_release("footfall", str(DAY))
    assert "| zone_hour | persons | 7.2% | 2.2% | 0.2% | 96 |" in told[0]
    assert "cost rho 0.0146 " in told[0]


def _dies(*_: object, **__: object) -> None:
    """As a process that ends between charge and draw."""
    raise ConnectionError
