"""Settings: where things are, from THRONG_* variables, `.env` and the home's `env`; what is allowed is policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tasks import home_env
from tasks.errors import Misconfigured

_MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+"


class Settings(BaseSettings):
    """Locations of everything that Throng reads and writes."""

    model_config = SettingsConfigDict(env_prefix="THRONG_", env_ignore_empty=True, extra="ignore", frozen=True)

    home: Path = Path(".throng")
    landing: str | None = None
    lake: str | None = None
    database_url: str | None = None
    policy: Path | None = None
    engine: Literal["local"] = "local"
    memory_limit: Annotated[str, Field(pattern=r"^[1-9]\d{0,5} ?[MG]B$")] = "500MB"
    metrics: Path | None = None
    alert_webhook: SecretStr | None = None
    alert_email: Annotated[str, Field(pattern=rf"^{_MAIL}(, ?{_MAIL})*$")] | None = None
    smtp_url: SecretStr | None = None

    @field_validator("alert_webhook", "smtp_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        known = ("http", "https") if info.field_name == "alert_webhook" else ("smtp", "smtps")
        if value and not _addresses(value.get_secret_value(), known):
            schemes = " or ".join(f"{scheme}://" for scheme in known)
            raise ValueError(f"must begin with {schemes} and name a host; / ? # @ in a password are %2F %3F %23 %40")
        return value

    @property
    def landing_root(self) -> Path:
        """The landing folder; raises Misconfigured if it is unset or an object store."""
        return self._folder("THRONG_LANDING", self.landing)

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
        """Space for what lives no longer than one step."""
        return self.home.absolute() / "scratch"

    @property
    def logs_root(self) -> Path:
        """The folder of the log."""
        return self.home.absolute() / "logs"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the catalog, `catalog.db` in the home by default."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'catalog.db'}"

    @property
    def masked_database(self) -> str:
        """The catalog's URL without its password, also where that stands among the options."""
        try:
            return make_url(self.database).set(query={}).render_as_string(hide_password=True)
        except ArgumentError:
            return "not a database URL"

    def _folder(self, variable: str, value: str | None) -> Path:
        if not value:
            raise Misconfigured(
                f"{variable} is not set.", f"Set {variable} to the folder, in the environment, .env or the home's env."
            )
        if "://" in value:
            raise Misconfigured(
                f"{variable} names an object store ({value.split(':')[0]}://): landing and lake are folders for now.",
                f"Mount or copy it, and set {variable} to a folder.",
            )
        return Path(value).absolute()


def _addresses(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether it names a host; what follows an unescaped sign of a password would be taken for a path, and be shown."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text holds parts of the address
        return False
    return whole and ("http" in schemes or not (parts.path.strip("/") or parts.query or parts.fragment))


def load() -> Settings:
    """Read the settings; raises Misconfigured naming each variable that is wrong, never its value."""
    try:
        given = Settings(**_named(home_env.dotenv()) | Settings().model_dump(exclude_unset=True))
        kept = _named(home_env.read(given.home))
        return Settings(**kept | given.model_dump(exclude_unset=True) | {"home": given.home})
    except ValidationError as error:
        faults = "; ".join(f"THRONG_{str(f['loc'][0]).upper()}: {f['msg']}" for f in error.errors(include_input=False))
        raise Misconfigured(
            f"Settings are wrong: {faults}.", "Mend the environment, .env or the home's env; `throng doctor` shows all."
        ) from None


def _named(lines: Mapping[str, str]) -> dict[str, Any]:
    """A file's settings, by their names here."""
    found = {name.lower(): value for name, value in lines.items()}
    return {name: found[f"throng_{name}"] for name in Settings.model_fields if f"throng_{name}" in found}
