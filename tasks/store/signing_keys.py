"""The keys that sign deliveries: numbered, one after the other. Public statements say which ones, and since when.

`statements.json` decides which key signs: a key file without its statement signs nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

from tasks.errors import Misconfigured
from tasks.store.keys import KEY_BYTES, KeyFiles
from tasks.store.object_store import MissingObject

Statement = Mapping[str, Any]
"""What is public about a key, as a JSON object; this store does not look into it."""
_STATEMENTS, _FIRST = "statements.json", "signing.key"


@dataclass(frozen=True)
class KeyRing:
    """The private key that signs, and the statements of all keys, oldest first; there is none before it is needed."""

    private: bytes = field(repr=False)
    statements: Sequence[Statement]
    rotation: Mapping[str, Any] | None = None
    """What is asked of a rotation that has not ended."""


class SigningKeys(KeyFiles):
    """Keys that sign deliveries. Who replaces a key holds a lock; who signs needs none."""

    @property
    def made(self) -> bool:
        """Whether there is a key."""
        return self._has(_FIRST) or self._has(_STATEMENTS)

    def current(self) -> bytes:
        """The raw Ed25519 private key that signs (RFC 8032: any 32 random bytes)."""
        return self.ring().private

    def ring(self) -> KeyRing:
        """The key that signs with all statements; the first key is made if there is none."""
        while True:  # again only if a rotation ends between the two reads
            written = self._statements()
            if written is None and not self._others():
                return KeyRing(self._key(_FIRST), ())
            kept = self._parsed(written or b"")
            try:
                return KeyRing(self._read(_name(len(kept["keys"]))), kept["keys"], kept["rotation"])
            except MissingObject:
                if self._statements() == written:
                    raise self.damaged(_name(len(kept["keys"]))) from None

    def state_first(self, statement: Statement) -> None:
        """Keep the statement of the first key, unless there is one."""
        self.objects.put_if_absent(_STATEMENTS, _json([statement], None))

    def prepare(self) -> bytes:
        """The private key that comes next. One that a killed rotation left is used; it has signed nothing."""
        name = _name(len(self.ring().statements) + 1)
        self.objects.put_if_absent(name, token_bytes(KEY_BYTES))
        return self._read(name)

    def replace(self, statements: Sequence[Statement], rotation: Mapping[str, Any] | None) -> None:
        """Keep all statements. The last one's key signs from now on; `rotation` is what still has to be done."""
        self.objects.put(_STATEMENTS, _json(statements, rotation))

    def destroy_former(self) -> None:
        """Destroy the private keys before the one that signs."""
        for number in range(1, len(self.ring().statements)):
            self.objects.delete(_name(number))

    def _statements(self) -> bytes | None:
        return self.objects.get(_STATEMENTS) if self._has(_STATEMENTS) else None

    def _others(self) -> bool:
        """Whether there are later keys, so that the statements must have been lost."""
        return any(info.key.endswith(".key") and info.key != _FIRST for info in self.objects.list(""))

    def _parsed(self, written: bytes) -> Mapping[str, Any]:
        try:
            kept: Mapping[str, Any] = json.loads(written)
            if kept["keys"] and "rotation" in kept:
                return kept
        except (ValueError, KeyError, TypeError):
            pass
        raise self.damaged(_STATEMENTS)

    def damaged(self, name: str) -> Misconfigured:
        """The error for a file that is lost, or is not of this history."""
        return Misconfigured(
            f"{self.objects.location}/{name} is lost or damaged.",
            "Restore the whole folder from the newest backup.",
            "keys.signing_damaged",
        )


def _name(number: int) -> str:
    return _FIRST if number == 1 else f"signing-{number}.key"


def _json(statements: Sequence[Statement], rotation: Mapping[str, Any] | None) -> bytes:
    return json.dumps({"keys": list(statements), "rotation": rotation}, indent=2).encode()
