"""The notes of a workbook: what a person needs who has no other file of the delivery."""

from collections import Counter
from collections.abc import Iterator

from tasks.deliverable.columns import columns, status_meanings
from tasks.deliverable.people import statements
from tasks.deliverable.renderers.spec import RenderInput
from tasks.deliverable.statements import COMPOSITION, PERMITTED_USE, additions, clock_change, never_add
from tasks.deliverable.view import ReleaseView


def notes(content: RenderInput) -> Iterator[tuple[str, str]]:
    """Each note's name and text, in the order of reading."""
    release = content.release
    yield "release", release.id
    yield "period", str(release.period)
    yield "revision", _revision(content)
    yield "who is counted", release.basis
    yield "who is not counted", " ".join(each.meaning for each in release.left_out)
    yield "how to read", "Numbers carry noise; the interval says how much. An empty number is not a zero: see status."
    yield from (("how people are estimated", sentence) for sentence in statements(release))
    yield "what may be added", f"{never_add(release)} A sum lacks what the rows without a number would add."
    yield from _time(release)
    yield from (("warning", warning) for warning in release.warnings)
    yield "months add up", COMPOSITION
    yield "permitted use", f"{PERMITTED_USE} More is in TERMS.md."
    yield from ((level.name, f"{level.meaning} {additions(level, release.period.cadence)}") for level in release.levels)
    yield from ((status.value, meaning) for status, meaning in status_meanings(release).items())
    yield from _columns(release)


def _revision(content: RenderInput) -> str:
    since, number = content.changes.since_revision, content.delivery.revision
    return f"{number}. It replaces revision {since}: use this one only." if since else str(number)


def _columns(release: ReleaseView) -> Iterator[tuple[str, str]]:
    """What each column means, with its tables where the same name means several things."""
    tables: dict[tuple[str, str], list[str]] = {}
    for table in release.tables:
        for column in columns(release, table):
            tables.setdefault((column.name, column.meaning), []).append(table.name)
    meanings = Counter(name for name, _ in tables)
    for (name, meaning), names in tables.items():
        yield (f"{name} ({', '.join(names)})" if meanings[name] > 1 else name), meaning


def _time(release: ReleaseView) -> Iterator[tuple[str, str]]:
    """How to compute the local time, and whether clocks change."""
    if release.instant:
        yield "local time", f"local_date + {release.instant.local_column} / 24 ({release.timezone})"
    if change := clock_change(release):
        yield "clock change", change
