"""Settings come from THRONG_* variables and .env; a wrong one is named, a secret never shown."""

import os
import shlex
from pathlib import Path

import pytest

from tasks import env_files, settings
from tasks.errors import Misconfigured
from tasks.store import open_stores
from tasks.store.buckets import Buckets
from tasks.store.database import Database


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THRONG_HOME", ".throng")


def test_without_a_named_home_nothing_begins_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THRONG_HOME")
    with pytest.raises(Misconfigured, match="THRONG_HOME") as refused:
        settings.load()
    assert "throng init" in refused.value.action
    assert not list(tmp_path.iterdir())


def test_dotenv_or_an_initialised_folder_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THRONG_HOME")
    (tmp_path / env_files.MARKER).touch(mode=0o600)
    assert settings.load().home == tmp_path
    (tmp_path / ".env").write_text("THRONG_HOME=/other\n")
    assert settings.load().home == Path("/other")
    monkeypatch.setenv("THRONG_HOME", "here")
    assert settings.load().home == Path("here")


def test_a_folder_that_others_could_have_made_a_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THRONG_HOME")
    (tmp_path / env_files.MARKER).touch()
    (tmp_path / env_files.MARKER).chmod(0o666)
    with pytest.raises(Misconfigured, match=env_files.MARKER):
        settings.load()


@pytest.mark.parametrize("place", ["environment", ".env", "env"])
def test_a_mistyped_name_is_refused_with_the_nearest_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "environment":
        monkeypatch.setenv("THRONG_LANDNIG", "hunter2")
    else:
        file = tmp_path / (".throng/env" if place == "env" else ".env")
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.write_text("THRONG_LANDNIG=hunter2\n")
    with pytest.raises(Misconfigured, match="THRONG_LANDNIG") as refused:
        settings.load()
    assert "THRONG_LANDING" in refused.value.action
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["is it?", "no #1", "100%", "a%20b"])
def test_a_homes_catalog_is_in_the_home_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = tmp_path / name / "home"
    monkeypatch.setenv("THRONG_HOME", str(home))
    assert open_stores().ledger.months() == []
    assert (home / "catalog.db").stat().st_size > 0
    (home / "env").touch(mode=0o600)
    (home / "env").write_text("THRONG_DATABASE_URL=sqlite:///other.db\n")
    assert Database(settings.load().database).file == home / "other.db"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_everything_lives_under_the_home_by_default(tmp_path: Path) -> None:
    found = settings.load()
    assert found.lake_root == tmp_path / ".throng" / "lake"
    assert found.database == f"sqlite:///{tmp_path}/.throng/catalog.db"


def test_a_dotenv_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("THRONG_LANDING=/data/landing\nOTHER=1\n")
    assert settings.load().landing_root == Path("/data/landing")


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfTHRONG_LANDING=/data/landing\n")
    assert settings.load().landing == "/data/landing"
    (tmp_path / ".throng").mkdir()
    (tmp_path / ".throng" / "env").touch(mode=0o600)
    (tmp_path / ".throng" / "env").write_bytes(b"\xef\xbb\xbfTHRONG_MEMORY_LIMIT=2GB\n")
    assert settings.load().memory_limit == "2GB"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_dotenv_file_that_others_can_write_is_refused_and_not_shown(tmp_path: Path, mode: int) -> None:
    file = tmp_path / ".env"
    file.write_text("AWS_CONFIG_FILE=/hunter2\n")
    file.chmod(mode)
    for read in (settings.load, Buckets):
        with pytest.raises(Misconfigured, match=f"chmod go-w {file}.*another folder") as refused:
            read()
        assert "hunter2" not in str(refused.value)


def test_a_dotenv_file_of_another_user_is_refused_and_one_of_root_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("THRONG_LANDING=/data/landing\n")
    owner = file.stat().st_uid
    monkeypatch.setattr(env_files, "ROOT", owner)
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    assert settings.load().landing == "/data/landing"
    monkeypatch.setattr(env_files, "ROOT", owner + 2)
    for read in (settings.load, Buckets):
        with pytest.raises(Misconfigured, match=f"{file} belongs to another user.*chown.*another folder"):
            read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links for others")
def test_a_dotenv_file_that_another_user_links_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text("THRONG_LANDING=/data/landing\n")
    (tmp_path / ".env").symlink_to("ours")
    assert settings.load().landing == "/data/landing"
    os.chown(tmp_path / ".env", 65534, 65534, follow_symlinks=False)
    with pytest.raises(Misconfigured, match="belongs to another user"):
        settings.load()


def test_a_folder_and_a_pipe_of_that_name_say_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    assert settings.load().landing is None
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert settings.load().landing is None


def test_an_empty_variable_is_an_unset_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANDING", "LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT"):
        monkeypatch.setenv(f"THRONG_{name}", "")
    assert settings.load() == settings.Settings(home=".throng", _env_file=None)
    monkeypatch.setenv("THRONG_HOME", "")
    assert settings.named_home() is None


def test_an_unset_landing_says_which_variable_to_set() -> None:
    with pytest.raises(Misconfigured, match="THRONG_LANDING") as refused:
        _ = settings.load().landing_root
    assert refused.value.code == "settings.home_missing"


def test_the_mapping_is_the_one_that_is_named_or_lies_in_the_landing_or_beside_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRONG_LANDING", str(tmp_path))
    monkeypatch.setenv("THRONG_POLICY", str(tmp_path / "ours" / "policy.toml"))
    (tmp_path / "ours").mkdir()
    assert settings.load().mapping is None
    (tmp_path / "ours" / "formats.toml").touch()
    assert settings.load().mapping == tmp_path / "ours" / "formats.toml"
    (tmp_path / "formats.toml").touch()
    with pytest.raises(Misconfigured) as refused:
        assert settings.load().mapping
    assert refused.value.code == "settings.two_mappings"
    monkeypatch.setenv("THRONG_FORMATS", str(tmp_path / "formats.toml"))
    assert settings.load().mapping == tmp_path / "formats.toml"


@pytest.mark.parametrize("variable", ["THRONG_LANDING", "THRONG_LAKE"])
def test_an_object_store_as_landing_or_lake_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "s3://bucket/secret-prefix")
    found = settings.load()
    with pytest.raises(Misconfigured) as refused:
        _ = found.landing_root if variable == "THRONG_LANDING" else found.lake_root
    assert refused.value.code == "settings.not_a_folder"
    assert "secret-prefix" not in str(refused.value)


def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRONG_MEMORY_LIMIT", "hunter2")
    with pytest.raises(Misconfigured, match="THRONG_MEMORY_LIMIT") as refused:
        settings.load()
    assert "hunter2" not in str(refused.value)


def test_a_password_in_the_database_url_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRONG_DATABASE_URL", "postgresql+psycopg://throng:hunter2@db/throng")
    assert "hunter2" not in settings.load().masked_database
    monkeypatch.setenv("THRONG_DATABASE_URL", "hunter2")
    assert settings.load().masked_database == "not a database URL"


@pytest.fixture
def remembered(tmp_path: Path) -> Path:
    """The settings that a home keeps, as shells read them."""
    file = tmp_path / ".throng" / "env"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text("export THRONG_DATABASE_URL=postgresql://throng:hunter2@db/throng\nexport THRONG_LANDING='/a b'\n")
    return file


def test_a_home_remembers_its_own_settings(remembered: Path) -> None:
    found = settings.load()
    assert found.database == "postgresql://throng:hunter2@db/throng"
    assert found.landing_root == Path("/a b")


def test_the_environment_goes_before_dotenv_and_dotenv_before_the_home(
    remembered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("THRONG_LANDING=/dotenv\nTHRONG_MEMORY_LIMIT=1GB\n")
    monkeypatch.setenv("THRONG_MEMORY_LIMIT", "2GB")
    found = settings.load()
    assert (found.landing, found.memory_limit) == ("/dotenv", "2GB")
    assert found.database.startswith("postgresql://")


def test_a_home_cannot_say_that_it_is_another(remembered: Path, tmp_path: Path) -> None:
    with remembered.open("a") as file:
        file.write("export THRONG_HOME=/moved/from\n")
    assert settings.load().keys_root == tmp_path / ".throng" / "keys"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602])
def test_a_homes_settings_that_others_can_read_or_write_are_refused_and_not_shown(remembered: Path, mode: int) -> None:
    remembered.chmod(mode)
    with pytest.raises(Misconfigured, match=f"chmod go= {remembered}") as refused:
        settings.load()
    assert "hunter2" not in str(refused.value)


def test_a_homes_settings_of_another_user_are_refused(remembered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = remembered.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(Misconfigured, match="belongs to another user"):
        settings.load()


def test_a_wrong_value_in_a_homes_settings_is_named_and_not_shown(remembered: Path) -> None:
    remembered.write_text("THRONG_MEMORY_LIMIT=hunter2\n")
    with pytest.raises(Misconfigured, match="THRONG_MEMORY_LIMIT") as refused:
        settings.load()
    assert "hunter2" not in str(refused.value)


def test_a_folder_of_that_name_holds_no_settings(tmp_path: Path) -> None:
    (tmp_path / ".throng" / "env").mkdir(parents=True)
    assert settings.load().database == f"sqlite:///{tmp_path}/.throng/catalog.db"


@pytest.mark.parametrize("value", ["/data/o'brien/lake", "/data/${HOME}/$USER", "/data/a b#c \\d", '/data/"x"'])
def test_a_value_is_read_as_a_shell_reads_it(remembered: Path, value: str) -> None:
    remembered.write_text(f"export THRONG_LAKE={shlex.quote(value)}  # it's ours\n")
    assert settings.load().lake_root == Path(value)


def test_comments_and_empty_lines_say_nothing_and_a_sign_within_a_word_is_no_comment(remembered: Path) -> None:
    remembered.write_text("# it's a comment\n\n  THRONG_LANDING=/a#b # THRONG_LAKE=/x\nTHRONG_POLICY=\n")
    found = settings.load()
    assert (found.landing, found.lake, found.policy) == ("/a#b", None, None)


def test_a_homes_relative_paths_begin_in_the_home(
    remembered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered.write_text("THRONG_LANDING=in\nTHRONG_POLICY=p.toml\nTHRONG_DATABASE_URL=sqlite:///c.db\n")
    monkeypatch.setenv("THRONG_HOME", str(remembered.parent))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found, home = settings.load(), remembered.parent
    assert (found.landing_root, found.policy) == (home / "in", home / "p.toml")
    assert found.database == f"sqlite:///{home}/c.db"


@pytest.mark.parametrize(
    "line",
    ["THRONG_LAKE='/hunter2", "THRONG_LAKE", "export", "THRONG_LAKE = /hunter2", "echo hunter2", "A=hunter2 B=2"],
)
def test_a_line_that_cannot_be_read_is_named_and_not_shown(remembered: Path, line: str) -> None:
    remembered.write_text(f"# ours\n{line}\n")
    with pytest.raises(Misconfigured, match=f"{remembered}, line 2") as refused:
        settings.load()
    assert "hunter2" not in str(refused.value)


def test_bytes_that_are_no_text_are_named_by_their_file(remembered: Path, tmp_path: Path) -> None:
    remembered.write_bytes(b"THRONG_LAKE=/\xff\n")
    with pytest.raises(Misconfigured, match=f"{remembered}, line 1"):
        settings.load()
    (tmp_path / ".env").write_bytes(b"THRONG_LAKE=/\xff\n")
    with pytest.raises(Misconfigured, match=r"^\.env cannot be read"):
        settings.load()
