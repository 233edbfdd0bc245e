"""What a client may be notified of: the periods whose state or delivery changed from one index to the next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.deliverable.serialisation import to_json
from tasks.deliverable.verifier.index_history import INDEX, INDEX_SHAPE
from tasks.deliverable.verifier.untrusted import parse

NEWS = ("product", "version", "period", "state", "path", "digest")
"""Members of a period whose change is news."""


@dataclass(frozen=True)
class Notice:
    """The changed periods of a client's index, without numbers of rows."""

    client: str
    location: str
    """The client's prefix."""
    periods: tuple[Mapping[str, Any], ...]

    def body(self) -> bytes:
        """The message, as JSON."""
        periods = [
            {
                **{name: each[name] for name in ("product", "version", "period", "state")},
                "revision": int(each["path"].rpartition("revision=")[2]) if each["path"] else None,
                "location": f"{self.location}/{each['path']}" if each["path"] else None,
                "manifest_sha256": each["digest"],
            }
            for each in self.periods
        ]
        return to_json({"client": self.client, "index": f"{self.location}/{INDEX}", "periods": periods})

    def text(self) -> str:
        """The message, for a mail."""
        lines = [f"The index of your deliveries changed: {self.location}/{INDEX}"]
        for each in self.periods:
            lines += ["", f"{each['product']} {each['period']}: {each['state']}"]
            if each["path"]:
                lines += [f"{self.location}/{each['path']}", f"SHA-256 of manifest.json: {each['digest']}"]
        return "\n".join([*lines, "", "Verify a delivery before you use it."])


def notice(client: str, location: str, before: bytes | None, after: bytes) -> Notice | None:
    """What changed between two indexes of a client; None if no period did."""
    known = {tuple(each.values()) for each in _news(before)} if before else set()
    changed = tuple(each for each in _news(after) if tuple(each.values()) not in known)
    return Notice(client, location, changed) if changed else None


def _news(index: bytes) -> Iterator[Mapping[str, Any]]:
    shape = {"periods": INDEX_SHAPE["periods"]}
    yield from ({name: each[name] for name in NEWS} for each in parse(index, shape, INDEX)["periods"])
