"""Why a revision exists, and what changed against the delivery before: computed from delivered bytes alone."""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.columns import key_columns
from tasks.deliverable.number_columns import number_columns, optional_columns
from tasks.deliverable.terms import terms_sha256
from tasks.deliverable.view import EarlierDelivery, RowStatus

if TYPE_CHECKING:
    from tasks.deliverable.renderers.spec import RenderInput

FORMAT = 2
"""Version of the whole delivery's format; part of what decides whether a delivery is unchanged."""


class ChangeReason(StrEnum):
    """Why a delivery exists, in the order of weight."""

    FIRST = "first"
    NUMBERS_REDRAWN = "numbers_redrawn"
    ZONE_PLAN_CHANGED = "zone_plan_changed"
    ESTIMATE_CHANGED = "estimate_changed"
    GRANT_CHANGED = "grant_changed"
    FORMATS_CHANGED = "formats_changed"
    TERMS_CHANGED = "terms_changed"
    FORMAT_VERSION = "format_version"


SENTENCES = {
    ChangeReason.FIRST: "This is the first delivery of the period.",
    ChangeReason.NUMBERS_REDRAWN: "The period was published again: all numbers are new.",
    ChangeReason.ZONE_PLAN_CHANGED: "The zone plan changed.",
    ChangeReason.ESTIMATE_CHANGED: "The estimate of people changed.",
    ChangeReason.GRANT_CHANGED: "The zones that you receive changed.",
    ChangeReason.FORMATS_CHANGED: "The file formats that you receive changed.",
    ChangeReason.TERMS_CHANGED: "The terms, your contact or the deadline changed: compare TERMS.md of both revisions.",
    ChangeReason.FORMAT_VERSION: "The software that writes deliveries changed.",
}
"""One sentence a reason, for the client."""


@dataclass(frozen=True)
class RowChanges:
    """How many rows of a table differ from the delivery before; a row is named by its key."""

    added: int
    removed: int
    numbers_changed: int
    """Rows with a number in both deliveries, and another one."""
    statuses_changed: int


@dataclass(frozen=True)
class Changes:
    """What a delivery changes against the one that it supersedes."""

    reasons: tuple[ChangeReason, ...]
    """Every reason; the weightiest first."""
    since_revision: int | None
    rows: dict[str, RowChanges]
    """By table."""
    files_added: tuple[str, ...]
    files_removed: tuple[str, ...]

    def stated(self) -> dict[str, object]:
        """As the manifest states it."""
        return {
            "reason": self.reasons[0],
            "reasons": list(self.reasons),
            "since_revision": self.since_revision,
            "rows": {name: vars(rows) for name, rows in self.rows.items()},
            "files": {"added": list(self.files_added), "removed": list(self.files_removed)},
        }


def changes(content: "RenderInput") -> Changes:
    """What a delivery changes, by its content and the bytes of the delivery before."""
    before = content.delivery.supersedes
    if before is None:
        return Changes((ChangeReason.FIRST,), None, {}, (), ())
    now = set(map(_name, content.paths))
    earlier = {_name(file["path"]) for file in before.manifest["files"]}
    return Changes(
        tuple(_reasons(content, before.manifest)),
        before.manifest["delivery_revision"],
        dict(_rows(content, before)),
        tuple(sorted(now - earlier)),
        tuple(sorted(earlier - now)),
    )


def granted_facts(content: "RenderInput") -> dict[str, object]:
    """The grant as the manifest states it: the next delivery is compared with it."""
    return {
        "zones": len(content.places.zones),
        "zones_sha256": hashlib.sha256("\n".join(content.places.zones).encode()).hexdigest(),
        "formats": sorted({"parquet", *content.grant.formats}),
        "deliver_by": content.grant.deliver_by,
    }


def _reasons(content: "RenderInput", before: Any) -> Collection[ChangeReason]:
    release, grant, granted = content.release, granted_facts(content), before["grant"]
    same_plan = before["zone_plan_version"] == content.plan.version
    differs = {
        ChangeReason.NUMBERS_REDRAWN: before["release_id"] != release.id,
        ChangeReason.ZONE_PLAN_CHANGED: not same_plan,
        ChangeReason.ESTIMATE_CHANGED: _estimate_of(before) != (release.estimate and release.estimate.digest),
        ChangeReason.GRANT_CHANGED: same_plan and granted["zones_sha256"] != grant["zones_sha256"],
        ChangeReason.FORMATS_CHANGED: granted["formats"] != grant["formats"],
        ChangeReason.TERMS_CHANGED: before["terms"]["sha256"] != terms_sha256(release, content.grant),
        ChangeReason.FORMAT_VERSION: before["format"] != FORMAT,
    }
    return [reason for reason, is_so in differs.items() if is_so] or [ChangeReason.FORMAT_VERSION]


def _estimate_of(manifest: Any) -> str | None:
    """The digest of the estimate that a manifest states."""
    people = manifest["population"].get("people")
    return people["digest"] if people else None


def _rows(content: "RenderInput", before: EarlierDelivery) -> Iterator[tuple[str, RowChanges]]:
    for table in content.release.tables:
        now, earlier, key = content.tables[table.name], before.tables[table.name], list(key_columns(table))
        numbers = number_columns(table) + optional_columns(table)
        numbers = tuple(name for name in numbers if name in earlier.column_names)
        wanted = [*key, "status", *numbers]
        both = now.select(wanted).join(earlier.select(wanted), key, join_type="inner", right_suffix=_BEFORE)
        shown = [pc.equal(both[name], RowStatus.ESTIMATE) for name in ("status", f"status{_BEFORE}")]
        other = reduce(pc.or_, (pc.fill_null(_differs(both, name), False) for name in numbers))
        yield (
            table.name,
            RowChanges(
                added=now.num_rows - both.num_rows,
                removed=earlier.num_rows - both.num_rows,
                numbers_changed=_count(reduce(pc.and_, (*shown, other))),
                statuses_changed=_count(_differs(both, "status")),
            ),
        )


_BEFORE = " before"


def _differs(both: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.not_equal(both[name], both[f"{name}{_BEFORE}"])


def _count(flags: pa.ChunkedArray) -> int:
    return pc.sum(flags).as_py() or 0


def _name(path: str) -> str:
    """A file's path without period, revision, zone plan and content."""
    return re.sub(r"[a-z_]+=[^/]+/", "", path)
