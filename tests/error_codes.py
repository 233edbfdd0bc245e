"""Write docs/reference/error-codes.md from the code: `python -m tests.error_codes`."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks import errors
from tasks.deliverable.untrusted_reader import refuse
from tasks.errors import ThrongError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "error-codes.md"
HEAD = """# Error codes

Every error has a stable code `area.reason`. Throng prints the class, the fault and the action.
`--json` adds `code` and `exit_code`. Messages may change between versions; codes do not.
Upper-case words in the tables are names, numbers or reasons of the case.

The [runbook](../how-to/runbook.md) has the steps for whole situations.
`python -m tests.error_codes` writes this page from the code.
"""
SEE = {
    "budget": "budget",
    "bucket": "bucket",
    "clock": "clock",
    "catalog": "lake-file-lost",
    "database": "database",
    "disk": "disk-full",
    "gate": "gate",
    "installation": "restore-a-backup",
    "keys": "key",
    "lake": "lake-file-lost",
    "prefect": "worker-server-or-machine-down",
    "serve": "worker-server-or-machine-down",
}
"""The runbook's section for an area."""
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
    """Every construction of an error in flows/ and tasks/."""
    for top in ("flows", "tasks"):
        for path in sorted((ROOT / top).rglob("*.py")):
            module = ast.parse(path.read_text())
            names = dict(_constants(module))
            for node in ast.walk(module):
                if isinstance(node, ast.Tuple) and [bool(_kind(each)) for each in node.elts[:3]] == [
                    True,
                    False,
                    False,
                ]:
                    node = ast.Call(node.elts[0], node.elts[1:], [])  # a row of a table of errors
                if isinstance(node, ast.Call) and (kind := _kind(node.func)):
                    site = _site(node, kind, names)
                    if not site.code.isupper() and len(node.args) > 1:  # else a helper that passes its caller's code on
                        yield site


def _constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Strings that a module assigns to a name."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def _kind(function: ast.expr) -> type[ThrongError] | None:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    name = "RefusedDelivery" if getattr(function, "id", "") == "refuse" else name
    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, ThrongError) else None


def _site(call: ast.Call, kind: type[ThrongError], names: dict[str, str]) -> Site:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = [*call.args, *[ast.Constant("")] * 3]
    if getattr(call.func, "id", "") == "refuse":  # code, then an action that has a default
        given = [given[0], given[2] if len(call.args) > 2 else ast.Constant(ASK_AGAIN), given[1]]
    code, what, action = (named.get(name, given[at]) for name, at in (("code", 2), ("what", 0), ("action", 1)))
    return Site(_text(code, names), kind.exit_code, kind.__name__, _text(what, names), _text(action, names))


def _text(node: ast.expr, names: dict[str, str]) -> str:
    """A literal with the names of its values in capitals; `...` for any other expression."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(_text(part, names) for part in node.values)
        case ast.FormattedValue():
            return _text(node.value, names)
        case ast.Name():
            return names.get(node.id, node.id.strip("_").upper())
        case ast.Attribute():
            return node.attr.strip("_").upper()
        case ast.BinOp(op=ast.Add()):
            return _text(node.left, names) + _text(node.right, names)
        case _:
            return "..."


def page() -> str:
    """The whole page, a table for each area."""
    found = sorted({site.code: site for site in sorted(sites(), reverse=True)}.values())
    lines = [HEAD]
    for area in sorted({site.code.partition(".")[0] for site in found}):
        lines += [f"\n## {area}\n"]
        if area in SEE:
            lines += [f"Runbook: [{SEE[area].replace('-', ' ')}](../how-to/runbook.md#{SEE[area]}).\n"]
        lines += ["| code | exit | meaning | what to do |", "|---|---:|---|---|"]
        lines += [
            f"| `{site.code}` | {site.exit_code} | {_cell(site.what)} | {_cell(site.action)} |"
            for site in found
            if site.code.startswith(f"{area}.")
        ]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    named = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), text)
    return " ".join(named.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    PAGE.write_text(page())
