import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect
from typer.testing import CliRunner

from flows.cli import app
from tasks.errors import Misconfigured, RefusedRelease
from tasks.settings import Settings
from tasks.store import Stores, open_stores
from tasks.store.database import Database
from tasks.store.ledger import NO_CHARGE, ReleaseKey
from tests.integration.acts import FACTS, audit, key, open_in_process, publish
from tests.integration.at_once import at_once
from tests.unit.store.drawn import drawn


def opened(home: Path, url: str | None = None, lake: Path | None = None) -> Stores:
    return open_stores(Settings(home=home, database_url=url, lake=str(lake) if lake else None))


def test_everything_missing_is_created_for_this_user_alone(tmp_path: Path) -> None:
    opened(tmp_path / "home").installation.check()
    for path in (tmp_path / "home", *(tmp_path / "home").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert {path.name for path in (tmp_path / "home").glob("*") if path.is_dir()} == {"keys", "lake", "locks"}


def test_a_fresh_home_opened_by_many_at_once_is_one_installation(database_url: str, tmp_path: Path) -> None:
    ids = at_once(open_in_process, [(str(tmp_path / "home"), database_url)] * 5)
    assert len(set(ids)) == 1, ids
    opened(tmp_path / "home", database_url).installation.check()


def test_a_home_is_opened_again_as_it_was(database_url: str, tmp_path: Path) -> None:
    stores = [opened(tmp_path / "home", database_url) for _ in range(2)]
    assert stores[0].installation.id == stores[1].installation.id
    stores[1].installation.check()


def test_a_lost_database_refuses_to_publish_from_the_old_lake(tmp_path: Path) -> None:
    home = tmp_path / "home"
    opened(home)
    for file in home.glob("catalog.db*"):
        file.unlink()
    with pytest.raises(RefusedRelease, match=r"lake .*belongs to another installation"):
        opened(home).installation.check()


def test_another_installations_lake_or_keys_refuse_to_publish(tmp_path: Path) -> None:
    opened(tmp_path / "one")
    opened(tmp_path / "two")
    with pytest.raises(RefusedRelease, match=r"lake .*belongs to another installation"):
        opened(tmp_path / "one", lake=tmp_path / "two" / "lake").installation.check()
    shutil.rmtree(tmp_path / "one" / "keys")
    shutil.copytree(tmp_path / "two" / "keys", tmp_path / "one" / "keys")
    with pytest.raises(RefusedRelease, match=r"key store .*belongs to another installation"):
        opened(tmp_path / "one").installation.check()


def test_a_lost_database_is_not_made_anew_beside_what_belongs_to_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    opened(home)
    shutil.rmtree(home / "lake")
    for file in home.glob("catalog.db*"):
        file.unlink()
    with pytest.raises(RefusedRelease, match=r"key store .*belongs to another installation"):
        opened(home)
    assert {path.name for path in home.iterdir()} == {"keys", "locks"}


def _snapshot(home: Path, url: str) -> tuple[set[Path], list[str]]:
    """All files of the home, and all tables of the database."""
    with Database(url).reading() as session:
        tables = inspect(session.connection()).get_table_names()
    return set(home.rglob("*")), tables


@pytest.mark.parametrize("command", ["migrate", "doctor", "status", "daily"])
def test_an_empty_database_beside_what_is_in_use_is_refused_and_stays_empty(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    home = tmp_path / "home"
    opened(home)  # with a database that is lost, and the server has a new one in its place
    monkeypatch.setenv("THRONG_HOME", str(home))
    monkeypatch.setenv("THRONG_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    before = _snapshot(home, database_url)
    with pytest.raises(RefusedRelease, match=r"lake .*belongs to another installation"):
        opened(home, database_url)
    ran = CliRunner().invoke(app, [command])
    assert ran.exit_code == 20, ran.output
    assert "belongs to another installation" in ran.output
    assert _snapshot(home, database_url) == before


@pytest.mark.parametrize("command", ["migrate", "doctor"])
def test_a_lost_database_file_is_not_made_by_looking_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    home = tmp_path / "home"
    opened(home)
    for file in home.glob("catalog.db*"):
        file.unlink()
    monkeypatch.setenv("THRONG_HOME", str(home))
    monkeypatch.delenv("THRONG_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, [command])
    assert "belongs to another installation" in ran.output
    assert not list(home.glob("catalog.db*"))


def test_a_home_cannot_even_be_opened_with_another_database(database_url: str, tmp_path: Path) -> None:
    opened(tmp_path / "home")
    opened(tmp_path / "other", database_url)
    with pytest.raises(RefusedRelease, match="belongs to another installation"):
        opened(tmp_path / "home", database_url)


def test_a_lake_that_lost_its_mark_is_not_marked_anew(tmp_path: Path) -> None:
    stores = opened(tmp_path / "home")
    stores.lake.write_plan("abc", b"{}")
    (stores.settings.lake_root / "installation").unlink()
    with pytest.raises(RefusedRelease, match=r"lake .*has no mark"):
        opened(tmp_path / "home").installation.check()


def test_a_stored_release_without_its_charge_refuses_to_publish(tmp_path: Path) -> None:
    stores = opened(tmp_path / "home")
    sha256 = stores.lake.stage_release(key(2), drawn(), {})
    stores.lake.publish_release(key(2), sha256)
    with pytest.raises(RefusedRelease, match="holds 1 releases without a charge, footfall/v3/2026-03-01/r2 first"):
        stores.installation.check()
    stores.ledger.reserve(key(2), {"2026-03": 1}, 10, FACTS, audit())
    stores.installation.check()


def test_a_derived_week_of_a_product_that_is_drawn_by_day_needs_no_charge(tmp_path: Path) -> None:
    stores = opened(tmp_path / "home")
    for period, refused in (("2026-W10", False), ("2026-03-01", True)):
        free = ReleaseKey("dwell", 1, period, 1)
        stores.ledger.reserve(free, {}, 10, replace(FACTS, rho=NO_CHARGE), audit())
        stores.lake.stage_release(free, drawn(), {})
        with pytest.raises(RefusedRelease) if refused else nullcontext():
            stores.installation.check()


def test_bytes_that_were_drawn_and_lost_their_charge_are_not_taken_for_another_draws(tmp_path: Path) -> None:
    stores = opened(tmp_path / "home")
    stores.lake.stage_release(key(2), drawn(), {})  # and the database is restored to a moment before
    with pytest.raises(RefusedRelease, match="holds 1 releases without a charge, footfall/v3/2026-03-01/r2 first"):
        stores.installation.check()
    stores.ledger.reserve(key(2), {"2026-03": 1}, 10, FACTS, audit())
    stores.installation.check()


def test_a_published_release_passes_the_check(database_url: str, tmp_path: Path) -> None:
    stores = opened(tmp_path / "home", database_url)
    publish(Database(database_url), stores.lake)
    stores.installation.check()


def test_a_policy_that_does_not_exist_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        open_stores(Settings(home=tmp_path / "home", policy=tmp_path / "missing.toml"))
    assert not (tmp_path / "home").exists()
