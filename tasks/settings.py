"""Settings: locations, from THRONG_* variables, `.env` and the home's `env`. The policy says what is allowed.

THRONG_HOME or `.env` names the home, or the current folder is a home made by `throng init`. There is no default.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tasks import env_files
from tasks.errors import Misconfigured, shown


class Settings(BaseSettings):
    """Locations of everything that Throng reads and writes."""

    model_config = SettingsConfigDict(env_prefix="THRONG_", env_ignore_empty=True, extra="ignore", frozen=True)

    home: Path
    landing: str | None = None
    lake: str | None = None
    database_url: str | None = None
    policy: Path | None = None
    formats: Path | None = None
    engine: Literal["local"] = "local"
    memory_limit: Annotated[str, Field(pattern=r"^[1-9]\d{0,5} ?[MG]B$")] = "500MB"
    metrics: Path | None = None
    alerts: SecretStr | None = None
    """Apprise addresses, separated by blanks."""

    @property
    def landing_root(self) -> Path:
        """The landing folder; raises Misconfigured if it is unset or an object store."""
        return self._folder("THRONG_LANDING", self.landing)

    @property
    def mapping(self) -> Path | None:
        """The operator's formats.toml: THRONG_FORMATS, or the one in the landing or beside THRONG_POLICY."""
        if self.formats:
            return self.formats.absolute()
        folders = [self.landing_root, *([self.policy.absolute().parent] if self.policy else [])]
        found = list(dict.fromkeys(path for folder in folders if (path := folder / "formats.toml").is_file()))
        if len(found) > 1:
            raise Misconfigured(
                f"There are two mappings, {found[0]} and {found[1]}.",
                "Remove one, or name one in THRONG_FORMATS.",
                code="settings.two_mappings",
            )
        return found[0] if found else None

    @property
    def lake_root(self) -> Path:
        """The lake's folder, `lake/` in the home by default."""
        return self._folder("THRONG_LAKE", self.lake or str(self.home / "lake"))

    @property
    def keys_root(self) -> Path:
        """The folder of period keys and of the signing key."""
        return self.home.absolute() / "keys"

    @property
    def scratch_root(self) -> Path:
        """The folder of temporary files; a step removes its own."""
        return self.home.absolute() / "scratch"

    @property
    def logs_root(self) -> Path:
        """The folder of the log."""
        return self.home.absolute() / "logs"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the catalog, `catalog.db` in the home by default."""
        return self.database_url or env_files.sqlite_url(self.home.absolute() / "catalog.db")

    @property
    def masked_database(self) -> str:
        """The catalog's URL without its password and options."""
        try:
            return make_url(self.database).set(query={}).render_as_string(hide_password=True)
        except ArgumentError:
            return "not a database URL"

    def _folder(self, variable: str, value: str | None) -> Path:
        if not value and not self.home.exists():
            raise Misconfigured(
                f"{variable} is not set, and there is no home at {self.home.absolute()}.",
                "Correct THRONG_HOME, or make a home: `throng init DIR`.",
                code="settings.home_missing",
            )
        if not value:
            raise Misconfigured(
                f"{variable} is not set.",
                f"Set {variable} to the folder, in the environment, .env or the home's env.",
                code="settings.variable_missing",
            )
        if "://" in value:
            raise Misconfigured(
                f"{variable} names an object store ({value.split(':')[0]}://), but landing and lake must be folders.",
                f"Mount or copy it, and set {variable} to a folder.",
                code="settings.not_a_folder",
            )
        return Path(value).absolute()


def mapping_of(landing: Path, settings: Settings | None) -> Path | None:
    """The mapping of a folder that a command names: its own, unless it is the home's landing or another is in force."""
    own = landing.absolute() / "formats.toml"
    ours = settings if settings and settings.landing else None
    if own.is_file() and not (ours and (ours.formats or ours.landing_root == landing.absolute())):
        return own
    return ours.mapping if ours else None


def load() -> Settings:
    """Read the settings. Raises Misconfigured without a home, or with the name of each wrong variable."""
    home = named_home()
    if home is None:
        raise Misconfigured(
            "No home is named: the folder of catalog, keys and lake.",
            "Set THRONG_HOME in the environment or .env, or run `throng init DIR` and work inside DIR.",
            code="settings.home_unnamed",
        )
    dotenv, kept = env_files.dotenv(), env_files.read(home)
    for where, names in (("the environment", os.environ), (".env", dotenv), (f"{home / 'env'}", kept)):
        _check_names(where, names)
    try:
        given = _named(kept) | _named(dotenv) | Settings(home=home).model_dump(exclude_unset=True)
        return Settings(**given | {"home": home})
    except ValidationError as error:
        faults = "; ".join(f"THRONG_{str(f['loc'][0]).upper()}: {f['msg']}" for f in error.errors(include_input=False))
        raise Misconfigured(
            f"Settings are wrong: {faults}.",
            "Correct the environment, .env or the home's env; `throng doctor` shows all.",
            code="settings.invalid",
        ) from None


def named_home() -> Path | None:
    """The home that the environment or `.env` names, or the current folder if it is one; None without any."""
    if named := os.environ.get("THRONG_HOME") or env_files.dotenv().get("THRONG_HOME"):
        return Path(named)
    return Path.cwd() if env_files.is_home(Path.cwd()) else None


def _check_names(where: str, names: Mapping[str, str]) -> None:
    """Refuse unknown names: a mistyped one would be ignored in silence."""
    known = [f"THRONG_{name.upper()}" for name in Settings.model_fields]
    for name in names:
        if name.upper().startswith("THRONG_") and name.upper() not in known:
            (nearest,) = get_close_matches(name.upper(), known, n=1, cutoff=0)
            raise Misconfigured(
                f"{where} sets {shown(name)}, which is not a setting.",
                f"Write {nearest}, or remove it.",
                code="settings.unknown",
            )


def _named(lines: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a file, by field name."""
    found = {name.lower(): value for name, value in lines.items()}
    return {name: found[f"throng_{name}"] for name in Settings.model_fields if f"throng_{name}" in found}
