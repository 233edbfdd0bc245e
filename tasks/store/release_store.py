"""Releases in the lake: drawn bytes stay in staging until the ledger knows their digest, then they are published."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tasks.errors import RefusedRelease
from tasks.privacy.bounds import LevelRule
from tasks.privacy.derived import StoredRelease
from tasks.privacy.protect import ProtectedCounts
from tasks.store.ledger import ReleaseKey
from tasks.store.object_store import MissingObject, ObjectStore
from tasks.store.parquet import parquet, table_of

_FACTS, _RULES = b"throng", b"throng.rules"
_FILE = "release.parquet"


class ReleaseStore:
    """releases/<product>/v<N>/<period>/r<K>/release.parquet, and the staging that comes before."""

    objects: ObjectStore

    def stage_release(self, key: ReleaseKey, counts: ProtectedCounts, facts: Mapping[str, Any]) -> str:
        """Write releasable numbers to staging, complete or not at all, and return their sha256 (hex).

        Bytes that were drawn before stay, and their sha256 is returned: noise is drawn once.
        """
        if not isinstance(counts, ProtectedCounts):
            raise TypeError("only protected counts, and what is derived from them, can become a release")
        if known := self.staged(key):
            return known
        sources = {"inputs": dict(counts.inputs)} if counts.inputs else {}
        about = {_FACTS: _words({**facts, **sources}), _RULES: _words([vars(rule) for rule in counts.rules])}
        content = parquet(counts.table.replace_schema_metadata(about))
        if self.objects.put_if_absent(_staged(key), content):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha256(self.objects.get(_staged(key))).hexdigest()

    def staged(self, key: ReleaseKey) -> str | None:
        """sha256 (hex) of a release's drawn bytes, published or staged; None if there are none."""
        content = self._content(_published(key)) or self._content(_staged(key))
        return hashlib.sha256(content).hexdigest() if content else None

    def publish_release(self, key: ReleaseKey, sha256: str) -> None:
        """Publish the staged bytes of this digest; fine if they are published, refused if other bytes are."""
        content = self._content(_staged(key))
        if content and hashlib.sha256(content).hexdigest() == sha256:
            self.objects.put_if_absent(_published(key), content)
        self._checked(key, sha256)
        self.objects.delete(_staged(key))

    def release(self, key: ReleaseKey, sha256: str) -> StoredRelease:
        """A published release; raises RefusedRelease unless its bytes have the ledger's digest."""
        table = table_of(self._checked(key, sha256))
        facts, rules = (json.loads(table.schema.metadata[name]) for name in (_FACTS, _RULES))
        read = tuple(LevelRule(**{**rule, "sigma": Decimal(rule["sigma"])}) for rule in rules)
        return StoredRelease(str(key), sha256, table.replace_schema_metadata(None), facts, read)

    def drawn_keys(self) -> list[ReleaseKey]:
        """The keys of all releases whose bytes were drawn: published, or staged."""
        found = {
            info.key.removeprefix(place).removesuffix(f"/{_FILE}")
            for place in ("releases/", "staging/releases/")
            for info in self.objects.list(place)
        }
        return sorted(map(ReleaseKey.parse, found))

    def _checked(self, key: ReleaseKey, sha256: str) -> bytes:
        content = self._content(_published(key))
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise RefusedRelease(
                f"{self.objects.location}/{_published(key)} does not hold the bytes that were drawn for {key}.",
                "Restore that file from a backup; it is never drawn again under this key.",
                "release.damaged",
            )
        return content

    def _content(self, path: str) -> bytes | None:
        try:
            return self.objects.get(path)
        except MissingObject:
            return None


def _staged(key: ReleaseKey) -> str:
    return f"staging/releases/{key}/{_FILE}"


def _published(key: ReleaseKey) -> str:
    return f"releases/{key}/{_FILE}"


def _words(facts: object) -> bytes:
    """Public facts as bytes that are the same each time; numbers of the policy stay exact."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str).encode()
