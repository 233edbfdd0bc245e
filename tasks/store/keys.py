"""Secrets: a period's two keys, the signing key, the digest key; each made once, by its first user.

A period's pseudonym key makes pseudonyms of raw ids; its data key opens its rows in the lake. Reading rows needs the
second alone, and with it nobody's number can be recognised.
"""

import hmac
import stat
from pathlib import Path
from secrets import token_bytes
from typing import Protocol

from tasks.errors import Misconfigured, RefusedRelease
from tasks.period import Cadence, Period
from tasks.store.atomic_files import AtomicFiles, remove, sync, translate_errors

KEY_BYTES = 32


class DataKeys(Protocol):
    """What the lake asks of a key store."""

    def data_key(self, period: Period) -> bytes:
        """The 32-byte data key of a period, created if there is none."""

    def existing_data_key(self, period: Period) -> bytes:
        """The data key of a period whose rows exist; raises RefusedRelease if it is gone."""


class KeyStore(DataKeys, Protocol):
    """What Throng asks of a key store; the files below, or a cloud's secret store."""

    def period_key(self, period: Period) -> bytes:
        """The 32-byte pseudonym key of a period, created if there is none."""

    def existing_key(self, period: Period) -> bytes:
        """The pseudonym key of a period whose rows exist; raises RefusedRelease if it is gone."""

    def periods(self) -> list[Period]:
        """Periods of which any key exists, ascending."""

    def destroy(self, period: Period) -> None:
        """Destroy both keys of a period; fine if they are gone."""

    def signing_key(self) -> bytes:
        """The raw Ed25519 private key (RFC 8032: any 32 random bytes), created if there is none."""

    def digest(self, content: bytes) -> str:
        """Hex HMAC-SHA-256 of content that depends on people, comparable within this installation only."""

    def mark(self, installation: str) -> None:
        """Write the installation's id into a store that holds nothing yet."""

    def marked(self) -> str | None:
        """The id of the installation that the store belongs to."""


class FileKeys(AtomicFiles):
    """Keys as files of mode 0600 in a folder of mode 0700."""

    def open(self) -> None:
        """Create the folder if it is missing; raises Misconfigured if others may look into it."""
        super().open()
        if stat.S_IMODE(self.root.stat().st_mode) & 0o077:
            raise Misconfigured(f"The key folder {self.root} is open to other users.", f"Run: chmod 700 {self.root}")

    def period_key(self, period: Period) -> bytes:
        """The 32-byte pseudonym key of a period, created if there is none; concurrent creators get the same."""
        return self._key(f"{period.cadence}-{period}.key")

    def existing_key(self, period: Period) -> bytes:
        """The pseudonym key of a period whose rows exist; raises RefusedRelease if it is gone."""
        return self._existing(f"{period.cadence}-{period}.key", f"pseudonym key of {period}")

    def data_key(self, period: Period) -> bytes:
        """The 32-byte data key of a period, created if there is none; concurrent creators get the same."""
        return self._key(f"data/{period.cadence}-{period}.key")

    def existing_data_key(self, period: Period) -> bytes:
        """The data key of a period whose rows exist; raises RefusedRelease if it is gone."""
        return self._existing(f"data/{period.cadence}-{period}.key", f"data key of {period}")

    def periods(self) -> list[Period]:
        """Periods of which any key exists, ascending."""
        with translate_errors(self.root):
            names = [path.stem for cadence in Cadence for path in self.root.rglob(f"{cadence}-*.key")]
        return sorted({Period.parse(name.split("-", 1)[1]) for name in names})

    def destroy(self, period: Period) -> None:
        """Destroy both keys of a period, the one that opens rows first; fine if they are gone."""
        with translate_errors(self.root):
            for folder in (self.root / "data", self.root):
                remove(folder / f"{period.cadence}-{period}.key")
                if folder.exists():
                    sync(folder)

    def signing_key(self) -> bytes:
        """The raw Ed25519 private key, created if there is none."""
        return self._key("signing.key")

    def digest(self, content: bytes) -> str:
        """Hex HMAC-SHA-256 under a key of its own."""
        return hmac.new(self._key("digest.key"), content, "sha256").hexdigest()

    def _existing(self, name: str, what: str) -> bytes:
        if not (self.root / name).exists():
            raise RefusedRelease(
                f"The {what} is not in {self.root}: its rows cannot be counted.",
                "If the period has expired, nothing new can be drawn from it; else restore the key from a backup.",
            )
        return self._read(self.root / name)

    def _key(self, name: str) -> bytes:
        path = self.root / name
        if not path.exists():
            self.put_new(path, token_bytes(KEY_BYTES))  # complete before it has its name; the second creator loses
        return self._read(path)

    def _read(self, path: Path) -> bytes:
        with translate_errors(self.root):
            key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise Misconfigured(f"The key {path} is damaged.", "Restore it from a backup: rows under it depend on it.")
        return key
