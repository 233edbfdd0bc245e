"""What applying a client's file changes: contact, destination, notice and grants, each before and after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.store.client_spec import ClientSpec

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One field; None before: added, None after: removed."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """As a line of a diff."""
        if self.before is None:
            return f"+ {self.field}: {_text(self.after)}"
        if self.after is None:
            return f"- {self.field}: {_text(self.before)}"
        return f"~ {self.field}: {_text(self.before)} -> {_text(self.after)}"


def changes(before: ClientSpec | None, after: ClientSpec) -> list[Change]:
    """Every difference; of a new client, all that its file says."""
    old, new = (_facts(spec) if spec else {} for spec in (before, after))
    return [*_differences(old, new)]


def _differences(old: Facts, new: Facts) -> Iterator[Change]:
    """A grant that one side lacks is one change; of one that both have, each field."""
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            for change in _differences(was, now):
                yield Change(f"{name} {change.field}", change.before, change.after)
        elif was != now:
            yield Change(name, was, now)


def _facts(spec: ClientSpec) -> dict[str, Any]:
    """The file's content, flat; a grant is one fact, known by product and first day."""
    content = spec.model_dump(mode="json", by_alias=True)
    grants = {f"grant of {grant['product']} from {grant['from']}": _given(grant) for grant in content["grants"]}
    notice = {"notice": spec.notice.shown} if spec.notice else {}
    return {"contact": spec.client.contact, **content["destination"], **notice, **grants}


def _given(grant: Facts) -> Facts:
    return {name: value for name, value in grant.items() if name not in ("product", "from") and value is not None}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_text(part)}" for name, part in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)
