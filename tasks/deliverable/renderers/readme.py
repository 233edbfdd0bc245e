"""README.md of a delivery: how to read it, in plain words, with an example from its own rows."""

from collections.abc import Callable
from dataclasses import replace

from tasks.deliverable.changes import SENTENCES
from tasks.deliverable.columns import DataColumn, columns, status_meanings
from tasks.deliverable.level_view import LevelView
from tasks.deliverable.markdown import template
from tasks.deliverable.people import counts_of, statements
from tasks.deliverable.readme_example import example, place, when, where
from tasks.deliverable.renderers.parquet import RENDERER as PARQUET
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.statements import (
    COMPOSITION,
    DERIVED_MECHANISM,
    IN_WORDS,
    MECHANISM,
    UNIT,
    additions,
    clock_change,
    missing_rows,
    never_add,
)
from tasks.deliverable.table import expected_lifted, status_counts
from tasks.deliverable.verifier.signatures import key_id
from tasks.deliverable.view import ReleaseView
from tasks.interval import INTERVAL


def readme(content: RenderInput) -> bytes:
    """The read-me in bytes."""
    release, first = content.release, content.release.tables[0]
    text = template("README.md.jinja").render(
        release=release,
        plan=content.plan,
        grant=content.grant,
        delivery=content.delivery,
        changes=content.changes,
        path=content.path,
        reference=content.reference,
        shared=[each for each in content.renderers if each.below == "reference"],
        rows=content.rows,
        zones=len(content.places.zones),
        tables=[(table, PARQUET.path(content.of(table))) for table in release.tables],
        columns=_columns(release),
        content=content,
        counts=[
            (level, status_counts(data := content.tables[table.name], level.name), expected_lifted(data, level))
            for table in release.tables
            for level in table.levels
        ],
        districts_missing=any(level.of_districts and not content.places.keys(level) for level in release.levels),
        interval=INTERVAL,
        example=example(release, first, content.tables[first.name]),
        hidden=sorted({d.column for level in release.levels for d in level.dimensions if d.hidden}),
        asked=[each for each in content.renderers if each.on_request],
        key_id=key_id(content.public_key),
        by_zone=_adds_zones(first.levels[0]),
        **_measured(release),
        **_stated(release),
        **_functions(),
    )
    return text.encode()


def _functions() -> dict[str, Callable[..., object]]:
    """What the template calls."""
    return {"where": where, "when": when, "place": place, "additions": additions, "missing_rows": missing_rows}


def _measured(release: ReleaseView) -> dict[str, object]:
    """What the levels measure, and how they come by their numbers."""
    return {
        "quantities": list(dict.fromkeys(table.quantity for table in release.tables)),
        "counting": len({level.quantity for level in release.levels if level.quantity.counts}),
        "thresholds": any(level.threshold for level in release.levels),
        "drawn": [level for level in release.levels if level.sigma],
        "computed": [level.name for level in release.levels if level.sigma is None],
    }


def _stated(release: ReleaseView) -> dict[str, object]:
    """Sentences, most of which other files state too."""
    return {
        "sentences": SENTENCES,
        "meanings": status_meanings(release),
        "unit": UNIT,
        "mechanism": DERIVED_MECHANISM if release.inputs else MECHANISM,
        "in_words": IN_WORDS.format(guesses=release.privacy.month_cap_guesses),
        "composition": COMPOSITION,
        "clock_change": clock_change(release),
        "never_add": never_add(release),
        "people": statements(release),
        "panel_columns": counts_of(release, "`"),
    }


def _columns(release: ReleaseView) -> dict[DataColumn, list[str]]:
    """Each column once, without what differs between tables, and the tables that have it."""
    found: dict[DataColumn, list[str]] = {}
    for table in release.tables:
        for column in columns(release, table):
            found.setdefault(replace(column, values=(), example=None), []).append(table.name)
    return found


def _adds_zones(level: LevelView) -> bool:
    """Whether the sum of a level's zones is the total of their district."""
    return [d.name in level.additive for d in level.dimensions if d.granted_by] == [True] and not level.of_districts


RENDERER = Renderer("readme", "README.md", "text/markdown; charset=utf-8", "how to read the delivery", readme)
