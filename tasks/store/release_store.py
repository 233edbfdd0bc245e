"""Releases in the lake: drawn bytes rest in staging until the ledger knows their digest, then get their name."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tasks.errors import RefusedRelease
from tasks.privacy.bounds import LevelRule
from tasks.privacy.derived import DerivedCounts, StoredRelease
from tasks.privacy.protect import ProtectedCounts
from tasks.store.atomic_files import AtomicFiles, link_new, make_folder, sha256_of, sync, translate_errors
from tasks.store.ledger import ReleaseKey
from tasks.store.parquet import parquet, read_table

_FACTS, _RULES = b"throng", b"throng.rules"
_FILE = "release.parquet"


class ReleaseStore(AtomicFiles):
    """releases/<product>/v<N>/<period>/r<K>/release.parquet, and the staging that comes before."""

    def stage_release(self, key: ReleaseKey, counts: ProtectedCounts | DerivedCounts, facts: Mapping[str, Any]) -> str:
        """Write releasable numbers to staging, complete or not at all, and return their sha256 (hex).

        Where drawn bytes rest already, they stay and their sha256 is returned: noise is drawn once.
        """
        if not isinstance(counts, ProtectedCounts | DerivedCounts):
            raise TypeError("only protected counts, and what is derived from them, can become a release")
        if known := self.staged(key):
            return known
        sources = {"inputs": dict(counts.inputs)} if isinstance(counts, DerivedCounts) else {}
        about = {_FACTS: _words({**facts, **sources}), _RULES: _words([vars(rule) for rule in counts.rules])}
        self.put_new(self._staged(key), parquet(counts.table.replace_schema_metadata(about)))
        with translate_errors(self.root):
            return sha256_of(self._staged(key))

    def staged(self, key: ReleaseKey) -> str | None:
        """sha256 (hex) of a release's drawn bytes, staged or in place; None if there are none."""
        with translate_errors(self.root):
            for path in (self._published(key), self._staged(key)):
                if path.exists():
                    return sha256_of(path)
        return None

    def publish_release(self, key: ReleaseKey, sha256: str) -> None:
        """Give the staged bytes of this digest their name; fine if they have it, refused if other bytes have it."""
        staged, published = self._staged(key), self._published(key)
        make_folder(published.parent)
        with translate_errors(self.root):
            if staged.exists() and sha256_of(staged) == sha256:
                link_new(staged, published)
                sync(published.parent)
            if not published.exists() or sha256_of(published) != sha256:
                raise _differs(key, published)
            staged.unlink(missing_ok=True)

    def release(self, key: ReleaseKey, sha256: str) -> StoredRelease:
        """A published release; raises RefusedRelease unless its bytes have the ledger's digest."""
        path = self._published(key)
        with translate_errors(self.root):
            if not path.exists() or sha256_of(path) != sha256:
                raise _differs(key, path)
        table = read_table(path)
        facts, rules = (json.loads(table.schema.metadata[name]) for name in (_FACTS, _RULES))
        read = tuple(LevelRule(**{**rule, "sigma": Decimal(rule["sigma"])}) for rule in rules)
        return StoredRelease(str(key), sha256, table.replace_schema_metadata(None), facts, read)

    def drawn_keys(self) -> list[ReleaseKey]:
        """The keys of all releases whose bytes were drawn: in place, or staged."""
        with translate_errors(self.root):
            rooms = (self.root / "releases", self.root / "staging" / "releases")
            folders = {path.parent.relative_to(room) for room in rooms for path in room.glob(f"*/v*/*/r*/{_FILE}")}
        return sorted(ReleaseKey.parse(str(folder)) for folder in folders)

    def _staged(self, key: ReleaseKey) -> Path:
        return self.root / "staging" / "releases" / str(key) / _FILE

    def _published(self, key: ReleaseKey) -> Path:
        return self.root / "releases" / str(key) / _FILE


def _words(facts: object) -> bytes:
    """Public facts as bytes that are the same each time; numbers of the policy stay exact."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str).encode()


def _differs(key: ReleaseKey, path: Path) -> RefusedRelease:
    return RefusedRelease(
        f"{path} does not hold the bytes that were drawn for {key}.",
        "Restore that file from a backup; it is never drawn again under this key.",
    )
