"""Keys: one store for each need, so that each verb opens what it needs and no more.

A period's pseudonym key makes pseudonyms of raw ids; its data key opens its rows in the lake. A verb that reads rows
holds the second alone, and can recognise nobody's number.
"""

import hmac
import stat
from pathlib import Path
from secrets import token_bytes
from typing import ClassVar

from tasks.errors import Misconfigured, RefusedRelease
from tasks.period import Period
from tasks.store.object_store import FileObjectStore, InstallationPart

KEY_BYTES = 32


class KeyFiles(InstallationPart):
    """32-byte keys as files of mode 0600 in a folder of mode 0700; each is made once, by the first who needs it."""

    title = "key store"

    def __init__(self, root: Path) -> None:
        super().__init__(FileObjectStore(root))
        self._root = root

    def open(self) -> None:
        """Create the folder if it is missing; raises Misconfigured if others may look into it."""
        super().open()
        if stat.S_IMODE(self._root.stat().st_mode) & 0o077:
            raise Misconfigured(
                f"The key folder {self._root} is open to other users.",
                f"Run: chmod 700 {self._root}",
                "keys.open_folder",
            )

    def _has(self, name: str) -> bool:
        """Whether there is a key of this name; it stays unread."""
        return self.objects.size(name) is not None

    def _key(self, name: str) -> bytes:
        """The key of this name, created if there is none; concurrent creators get the same."""
        if not self._has(name):
            self.objects.put_if_absent(name, token_bytes(KEY_BYTES))
        return self._read(name)

    def _read(self, name: str) -> bytes:
        key = self.objects.get(name)
        if len(key) != KEY_BYTES:
            raise Misconfigured(
                f"The key {self._root / name} is damaged.",
                "Restore it from a backup: rows under it depend on it.",
                "keys.damaged",
            )
        return key


class PeriodKeys(KeyFiles):
    """A key for each period."""

    kind: ClassVar[str]

    def key(self, period: Period) -> bytes:
        """The key of a period, created if there is none."""
        return self._key(_name(period))

    def existing(self, period: Period) -> bytes:
        """The key of a period whose rows exist; raises RefusedRelease if it is gone."""
        if not self.has(period):
            raise RefusedRelease(
                f"The {self.kind} key of {period} is not in {self._root}: its rows cannot be counted.",
                "If the period has expired, nothing new can be drawn from it; else restore the key from a backup.",
                "keys.missing",
            )
        return self._read(_name(period))

    def has(self, period: Period) -> bool:
        """Whether a period has a key; reads its name alone."""
        return self._has(_name(period))

    def periods(self) -> set[Period]:
        """Periods that have a key; reads names alone."""
        names = [info.key.removesuffix(".key") for info in self.objects.list("") if info.key.endswith(".key")]
        return {Period.parse(name.split("-", 1)[1]) for name in names}

    def destroy(self, period: Period) -> None:
        """Destroy the key of a period; fine if it is gone."""
        self.objects.delete(_name(period))


class PseudonymKeys(PeriodKeys):
    """Keys that make pseudonyms of raw ids: of the landing zone alone."""

    kind = "pseudonym"


class DataKeys(PeriodKeys):
    """Keys that seal and open rows in the lake."""

    kind = "data"


class KeyNames:
    """Which periods have both of their keys; the keys themselves stay unread."""

    def __init__(self, root: Path) -> None:
        self._stores = (PseudonymKeys(root / "pseudonym"), DataKeys(root / "data"))

    def has(self, period: Period) -> bool:
        """Whether a period has both keys."""
        return all(keys.has(period) for keys in self._stores)


class DigestKey(KeyFiles):
    """The key of digests of what depends on people."""

    def digest(self, content: bytes) -> str:
        """Hex HMAC-SHA-256 of the content, comparable within this installation only."""
        return hmac.new(self._key("digest.key"), content, "sha256").hexdigest()


def _name(period: Period) -> str:
    return f"{period.cadence}-{period}.key"
