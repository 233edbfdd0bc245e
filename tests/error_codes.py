"""Write docs/reference/error-codes.md from the code: `python -m tests.error_codes`."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks import errors
from tasks.deliverable.verifier.untrusted import refuse
from tasks.errors import ThrongError
from tasks.events import plan_rules
from tasks.events.plan_rules import PlanRule

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "error-codes.md"
HEAD = """# Error codes

Every error has a stable code `area.reason`. Throng prints the class, the code, the fault and the action.
`--json` adds `exit_code`. Messages may change between versions; codes do not.
Upper-case words in the tables are names, numbers or reasons of the case.

The [runbook](../how-to/runbook.md) has the steps for whole situations.
`python -m tests.error_codes` writes this page from the code.
"""
SEE = {
    "budget": ("budget",),
    "bucket": ("bucket", "other-bytes", "delta-table", "clock"),
    "catalog": ("lake-file-lost",),
    "cells": ("gate",),
    "client": ("a-client-leaves",),
    "clock": ("clock",),
    "database": ("database", "upgrade"),
    "delivery": ("a-client-says-that-numbers-changed", "the-signing-key-leaked"),
    "delta": ("delta-table",),
    "disk": ("disk-full",),
    "engine": ("disk-full", "memory"),
    "gate": ("gate",),
    "grant": ("errors-and-exit-codes",),
    "index": ("another-ledger", "what-you-must-not-restore", "a-client-says-that-numbers-changed"),
    "installation": ("restore-a-backup", "what-you-must-not-restore", "the-disk-with-the-home-is-lost"),
    "keys": ("key",),
    "lake": ("lake-file-lost",),
    "landing": ("day-not-there", "landing-changed"),
    "prefect": ("worker-server-or-machine-down",),
    "registers": ("gate", "what-you-must-not-restore"),
    "machine": ("disk-full",),
    "release": ("release-refused", "expiry", "restore-a-backup"),
    "serve": ("worker-server-or-machine-down",),
    "settings": ("the-disk-with-the-home-is-lost", "move-the-lake"),
    "step": ("memory",),
    "zones": ("gate",),
}
"""The runbook's entries for an area."""
DO_NOT_USE = "Do not use it; ask for the delivery again."
EXAMPLES = {
    "budget.insufficient": (
        "The budget of MONTH does not suffice: asked rho RHO, left LEFT of CAP. Charged so far: PRODUCT RHO in N.",
        "Draw no revision of MONTH: `throng budget --month MONTH` shows its charges. "
        "A scheduled release stays blocked; ask the privacy officer.",
    ),
    "cells.decimal_comma": (
        "WHERE is written with `,` before the fraction.",
        'Let the mapping say it: `decimal = ","` in [cells.NAME]; `throng inspect` proposes it.',
    ),
    "cells.not_one_file": (
        "The landing folder holds more than one, or none, of cells.parquet, cells.csv, cells.",
        "Land exactly one.",
    ),
    "cells.wrong_type": (
        "SOURCE: COLUMN must be TYPE, not OTHER_TYPE.",
        "Correct the column and land the file again.",
    ),
    "database.lock_lost": (
        "The database NAME has restarted or ended a session, and the lock of this work fell.",
        "Another process may have gone on since: run the same command again.",
    ),
    "delivery.gate_failed": (
        "The delivery of RELEASE does not pass its own gate: 'CHECK' fails.",
        "Nothing was sent. This is a defect in Throng: report this line.",
    ),
    "delivery.files_differ": ("FILE is missing; FILE is not in the manifest.", DO_NOT_USE),
    "formats.zone_missing": (
        "The times have no timezone, and UTC fits the day better than the landing's timezone.",
        'Add it: time = { column = "ts", zone = "UTC" }; `throng inspect FILE` proposes the mapping.',
    ),
    "index.unnamed_objects": ("FILE and N more: no verified delivery holds it.", DO_NOT_USE),
    "landing.folder_missing": (
        "The folder EXPECTED is missing. FOLDER may be it: rename it, or give its pattern in formats.toml.",
        "Send it; a day without a file is never an empty day.",
    ),
    "landing.reference_file_not_once": (
        "The landing folder holds more than one, or none, of NAME.parquet, NAME.csv or a folder NAME.",
        "Put exactly one of them into ROOT.",
    ),
    "landing.table_log": (
        "FOLDER is an Iceberg or Delta table: its log says which files count, and Throng does not read it.",
        "Export the table's present rows as plain Parquet or CSV, and land those files instead.",
    ),
    "product.internal": ("NAME is not for clients.", "Products: NAMES."),
    "settings.not_a_folder": (
        "VARIABLE names an object store (s3://), but landing and lake must be folders.",
        "Mount or copy it, and set VARIABLE to a folder.",
    ),
    "simulate.out_of_range": ("NAME is VALUE.", "Choose NAME from LEAST to MOST."),
    "gate.stopped": (
        "The gate stops this day. RULE: VALUE of the rows fail it; the limit is LIMIT.",
        "The message gives the action of each rule; the runbook's section on the gate lists them.",
    ),
    "registers.replaced": (
        "The register REGISTER is older, or lost more rows or withdrawals than register_shrink allows.",
        "Put the current file there. Or accept it: `throng ingest DAY --override RULE --reason TEXT`.",
    ),
}
"""Texts that are joined from several faults, as they may read: message and action."""
PLAN_RULES = [
    *(each for each in vars(plan_rules).values() if isinstance(each, PlanRule)),
    *(rule for rule, _ in plan_rules.ATTRIBUTES.values()),
]
"""Rules for cells and zones; each that stops a day is an error with its code."""
HELPERS = {"refuse": "RefusedDelivery", "misused": "Misconfigured"}
"""What the functions of the single file raise in the end."""
ASK_AGAIN = inspect.signature(refuse).parameters["action"].default


@dataclass(frozen=True, order=True)
class Site:
    """One place that raises an error: its code, exit code, class, message and action."""

    code: str
    exit_code: int
    kind: str
    what: str
    action: str


def sites() -> Iterator[Site]:
    """Every construction of an error in flows/ and tasks/, and each rule for cells and zones that stops."""
    for rule in PLAN_RULES:
        if rule.severity == "critical":
            yield Site(rule.code, 10, "RejectedInput", f"SOURCE: N of N {rule.counts}: NAMES.", rule.action)
    modules = [ast.parse(path.read_text()) for top in ("flows", "tasks") for path in sorted((ROOT / top).rglob("*.py"))]
    shared = dict(constant for module in modules for constant in _assigned(module.body) if constant[0].isupper())
    for module in modules:
        for node, names in _scoped(module, shared | dict(_assigned(module.body))):
            elements = [bool(_kind(each)) for each in node.elts[:3]] if isinstance(node, ast.Tuple) else []
            if isinstance(node, ast.Tuple) and elements == [True, False, False]:
                node = ast.Call(node.elts[0], node.elts[1:], [])  # a row of a table of errors
            if isinstance(node, ast.Call) and (kind := _kind(node.func)):
                site = _site(node, kind, names)
                if not site.code.isupper() and len(node.args) > 1:  # else a helper that passes its caller's code on
                    yield site


Names = Mapping[str, ast.expr]
"""Values that a module or function assigns to names, where they make a text."""


def _scoped(module: ast.Module, names: Names) -> Iterator[tuple[ast.AST, Names]]:
    """Each node once, with the names of its innermost function."""
    found = {id(node): (node, names) for node in ast.walk(module)}
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            local = {**names, **dict(reversed(list(_assigned(ast.walk(function)))))}
            found |= {id(node): (node, local) for node in ast.walk(function)}
    yield from found.values()


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name) and _is_text(node.value):
            yield target.id, node.value


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | int | float) and not isinstance(node.value, bool)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.IfExp) and _is_text(node.body))


def _kind(function: ast.expr) -> type[ThrongError] | None:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    found = getattr(errors, HELPERS.get(name, name), None)
    return found if isinstance(found, type) and issubclass(found, ThrongError) else None


def _site(call: ast.Call, kind: type[ThrongError], names: Names) -> Site:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = [*call.args, *[ast.Constant("")] * 3]
    if getattr(call.func, "id", "") in HELPERS:  # code, then an action that may have a default
        given = [given[0], given[2] if len(call.args) > 2 else ast.Constant(ASK_AGAIN), given[1]]
    code, what, action = (named.get(name, given[at]) for name, at in (("code", 2), ("what", 0), ("action", 1)))
    texts = [" ".join(_text(each, names).split()) for each in (what, action)]
    return Site(_text(code, names), kind.exit_code, kind.__name__, *EXAMPLES.get(_text(code, names), texts))


def _text(node: ast.expr, names: Names) -> str:
    """A text as it may read, with the names of its values in capitals."""
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.JoinedStr():
            return "".join(_text(part, names) for part in node.values)
        case ast.BinOp(op=ast.Add()):
            return _text(node.left, names) + _text(node.right, names)
        case ast.IfExp(orelse=orelse) if _is_empty(orelse):
            return _text(node.body, names)
        case ast.IfExp():
            return f"{_text(node.body, names)} Or: {_text(node.orelse, names)}"
        case ast.Name(id="detail"):
            return ""
        case ast.Name(id=name) if name in names:
            return _text(names[name], {other: value for other, value in names.items() if other != name})
        case ast.FormattedValue(value=value):
            return _text(value, names).replace(" Or: ", " or ")
        case ast.Call(func=ast.Name(id="len")):
            return "N"
        case _:
            return _named(node)


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _named(node: ast.expr) -> str:
    """The name of a value in capitals."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").upper()
        case ast.Subscript(value=of) | ast.BoolOp(values=[of, *_]):
            return _named(of)
        case ast.GeneratorExp() | ast.ListComp():
            return _named(node.generators[0].iter)
        case ast.BinOp(right=last):
            return _named(last)
        case ast.Call(args=[first, *_]):
            return _named(first)
        case ast.Call(func=ast.Attribute(value=of)):
            return _named(of)
        case _:
            return "VALUE"


def page() -> str:
    """The whole page, a table for each area."""
    found = sorted({site.code: site for site in sorted(sites(), reverse=True)}.values())
    lines = [HEAD]
    for area in sorted({site.code.partition(".")[0] for site in found}):
        lines += [f"\n## {area}\n"]
        if area in SEE:
            links = (f"[{entry.replace('-', ' ')}](../how-to/runbook.md#{entry})" for entry in SEE[area])
            lines += [f"Runbook: {', '.join(links)}.\n"]
        lines += ["| code | exit | meaning | what to do |", "|---|---:|---|---|"]
        lines += [
            f"| `{site.code}` | {site.exit_code} | {_cell(site.what)} | {_cell(site.action)} |"
            for site in found
            if site.code.startswith(f"{area}.")
        ]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    named = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), text.replace("{detail}", ""))
    return " ".join(named.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    PAGE.write_text(page())
