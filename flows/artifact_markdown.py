"""What a run's page says, in words a newcomer understands: from catalog facts only, by day, file, reason and rule."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from flows.messages import rows_of
from flows.plan_view import Alike, grid, group_alike, markdown_table, not_done
from flows.release_preview import preview, shares
from tasks.errors import ThrongError
from tasks.events.row_counts import ALL_FILES
from tasks.withheld import REMEDY, thin_levels

if TYPE_CHECKING:
    import pyarrow as pa

    from flows.executor import StepResult
    from flows.reconcile import Report
    from tasks.privacy.bounds import LevelRule
    from tasks.store.tables import DayGeneration, Delivery, GateLine, Release, RowCount

REASONS: Mapping[str, str] = {
    "kept": "counted",
    "no_consent": "no consent that stands for this person at this time, or too young, or not a consumer",
    "other_day": "happened on a neighbouring local day; counted there",
    "unreadable_row": "not a row of this format",
    "missing_subscriber": "no subscriber id",
    "missing_time": "no time",
    "bad_time": "a time that does not exist",
    "outside_day": "happened far away from the folder's day",
    "missing_cell": "no cell",
    "unknown_cell": "a cell that is not in the cell plan",
    "expired_cell": "a cell that was not valid at that time",
    "abroad": "in another country: its network is not of home_mcc, and its cell not in the cell plan",
    "bad_plmn": "another network's code",
    "conflicting_place": "the same second in cells of different zones",
    "duplicate": "the same subscriber, second and cell again",
    "impossible_speed": "too far from both neighbours in too short a time",
    "outside_zones": "of the kept rows: in no zone, counted nowhere",
}
LONGEST_NAME = 60
"""Characters of a file's name in a page's table."""
SHOWN = 30
"""Open periods that a card explains one by one."""
SIZES = (300, 1_000, 10_000)
_MARKS = re.compile(r"[\\|\[\]`*]")
_MEDIAN = NormalDist().inv_cdf(0.75)  # the median of |noise| is this many standard deviations


def account_rows(account: Sequence["RowCount"]) -> list[dict[str, Any]]:
    """The row account as a table that a page of 1,400 pixels holds; what a reason means, the day's card says."""
    return [{"reason": line.reason, "rows": line.rows, "file": _short(line.file)} for line in account]


def _short(file: str) -> str:
    """The end of a long name tells one file from another."""
    if file == ALL_FILES:
        return "all files together"
    return file if len(file) <= LONGEST_NAME else f"…{file[1 - LONGEST_NAME :]}"


def day_card(day: "DayGeneration", gate: Sequence["GateLine"], account: Sequence["RowCount"]) -> str:
    """How the day went: what to do first, then rows by reason, then every rule of the gate."""
    share = f" ({day.rows_kept / day.rows_in:.2%})" if day.rows_in else ""
    outcome = " Nothing of this ingest is in the lake." if day.state.value == "rejected" else ""
    totals: Counter[str] = Counter()
    for line in account:
        totals[line.reason] += line.rows
    return "\n\n".join(
        [
            f"# {day.day}: {day.state.value}",
            f"{day.rows_in:,} rows were read, {day.rows_kept:,} of them kept{share}.{outcome}",
            *_actions(gate),
            "## Rows by reason",
            _list(f"**{rows:,} {reason}**: {REASONS.get(reason, '')}" for reason, rows in totals.most_common()),
            "## Gate",
            "Each rule compares a number of this landing with a limit. A failed *critical* rule stops "
            "the day, a *warning* does not. *not_judged*: too few rows or earlier days to tell.",
            _list(f"**{line.rule}** ({line.severity}): **{line.status}**. {_plain(line.message)}" for line in gate),
        ]
    )


def _actions(gate: Sequence["GateLine"]) -> list[str]:
    """What the failed rules ask for, critical ones first."""
    failed = sorted((line for line in gate if line.action), key=lambda line: line.severity)
    asked = _list(f"**{line.rule}** ({line.severity}): {_plain(line.action)}" for line in failed)
    return ["## What to do", asked] if failed else []


def release_card(
    release: "Release",
    rules: Sequence["LevelRule"],
    costs: Mapping[str, float],
    table: "pa.Table",
    counted: Mapping[str, str],
) -> str:
    """What was drawn, what of it is shown, how wrong its numbers may be, and what it cost; `counted` by each level."""
    name = f"{release.product} {release.period}, revision {release.revision}"
    parts = [f"# {name}: {release.state.value}", *_figures(release, rules, table)]
    return "\n\n".join([*parts, *(_drawn(release, rules, costs, counted) if rules else _DERIVED)])


_DERIVED = (
    "## What it cost",
    "Nothing: it is computed from published releases alone. Each row states the standard error that theirs add up to.",
)


def _drawn(
    release: "Release", rules: Sequence["LevelRule"], costs: Mapping[str, float], counted: Mapping[str, str]
) -> list[str]:
    """How wrong noise makes the numbers, and what the draw cost."""
    errors = [
        (
            rule.name,
            counted[rule.name],
            *(f"{_error(rule.sigma, size):.1%}" for size in SIZES),
            rule.threshold or "nothing",
        )
        for rule in rules
    ]
    redraws = (
        f" Drawn {release.draws} times: a process died in between, and nothing had left." if release.redraws else ""
    )
    return [
        "## How wrong a number may be",
        "Half of all numbers of a size are closer to the truth than this: of opted-in subscribers, by noise alone.",
        _grid(("level", "counts", *(f"of {size:,}" for size in SIZES), "withheld below"), errors),
        "## What it cost",
        "rho bounds what a release reveals about one person; less is better. "
        f"This release cost rho {costs['rho']:.4f} (epsilon {costs['epsilon']:.2f} at delta {costs['delta']:g}). "
        f"Its month's cap is {costs['cap']:g}, of which {costs['spent']:.4f} is spent so far." + redraws,
        "It is drawn once: publishing again returns these numbers and costs nothing.",
    ]


def _figures(release: "Release", rules: Sequence["LevelRule"], table: "pa.Table") -> list[str]:
    """What of a release is shown: shares, a small picture, and what to do where hardly anything is."""
    thin = thin_levels(release.product, table)
    drawn = preview(table, table["level"][0].as_py())
    return [
        "## What it shows",
        _list(map(_plain, shares(table, rules))),
        *([f"**Most of {', '.join(thin)} is withheld.** {REMEDY}"] if thin else []),
        *(["```\n" + "\n".join(drawn).replace("`", "'") + "\n```"] if drawn else []),
    ]


def delivery_card(delivery: "Delivery", location: str, files: Mapping[str, int]) -> str:
    """Where a delivery is, what is in it, and how its receiver verifies it."""
    name = f"{delivery.product} {delivery.period} to {delivery.client}, revision {delivery.revision}"
    parts = [
        f"# {name}: {delivery.state.value}",
        f"{rows_of(delivery)}, in `{location}`.",
        _grid(("file", "bytes"), [(file, f"{size:,}") for file, size in files.items()]),
        f"To verify it as its receiver, with the key from `throng keys export`: "
        f"`throng verify {location} --public-key FILE`",
    ]
    return "\n\n".join([*parts, *filter(None, [_plain(delivery.message)])])


def fault_card(error: ThrongError) -> str:
    """Why a run ended without doing its work, and what to do."""
    return f"# {type(error).__name__}: {error.code}\n\n{_plain(error.what)}\n\n**What to do:** {_plain(error.action)}"


def report_card(report: "Report", said: str) -> str:
    """How a run over many periods ended: what failed and what to do, then the grid, then what else is not done."""
    name, _, sentence = said.partition(": ")
    told = {result.step.key for result in report.failed}
    rest = [target for target in not_done(report.after) if told.isdisjoint(target.upstream)]
    return "\n\n".join(
        [
            f"# {name}",
            _plain(sentence.partition(". ")[0] + "." if report.failed else sentence),
            *_failed(report.failed),
            "## The state of every period",
            grid(report.after),
            *_rest("What else is not done" if report.failed else "What is not done", group_alike(rest)),
        ]
    )


def _failed(results: Sequence["StepResult"]) -> list[str]:
    """Each fault with what to do; what was not begun because of one, in a line."""
    faults = [
        f"**{result.step.verb} {result.step.subject}**: {_plain(result.reason)}" for result in results if result.error
    ]
    skipped = [f"{result.step.verb} {result.step.subject}" for result in results if not result.error]
    after = [f"Not begun, because a step before failed: {', '.join(skipped)}."] if skipped else []
    return ["## What failed, and what to do", _list([*faults, *after])] if results else []


def _rest(title: str, groups: Sequence[Alike]) -> list[str]:
    lines = [
        f"**{alike.first.product} {alike.periods}**{f' to {alike.clients}' if alike.first.client else ''}: "
        f"{alike.first.state.value}. {_plain(alike.first.why)}"
        for alike in groups
    ]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [f"## {title}", _list([*lines[:SHOWN], *more])] if lines else []


def _error(sigma: Decimal, persons: int) -> float:
    """Median relative error of a count of this size under noise of this standard deviation."""
    return _MEDIAN * float(sigma) / persons


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _grid(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return markdown_table([*map(_plain, columns)], [[_plain(str(cell)) for cell in row] for row in rows])


def _plain(text: str) -> str:
    """Names of landing files and words of other stores come from outside: they must end no cell, and become no link."""
    return _MARKS.sub(r"\\\g<0>", text).replace("<", "&lt;").replace("\n", " ")
