"""The house keeps its own rules: who may import whom, where each outside library lives, how large things are."""

import ast
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.policy import shipped

ROOT = Path(__file__).parent.parent.parent
LEAVES = {"refs", "period", "policy", "settings", "env_files", "loopback", "errors", "validation", "step"}
PURE = {"events", "mobility", "products", "privacy", "estimate", "deliverable"}
VERBS = {"ingest", "publish", "deliver", "expire", "verify"} | {
    *(
        "release",
        "release_metadata",
        "delivery_calendar",
        "staleness",
        "staged_day",
        "withheld",
        "register_versions",
        "retention",
        "refresh",
        "release_inputs",
    ),  # what they share: drawing once, what a delivery and an index may say
    *("plan", "alerts", "metrics", "status", "landing_check", "inspect"),  # what is to be done, and what is to be told
}
"""The verbs, what they share, and what looks at their work."""

MAY_IMPORT = {
    "privacy": set(),
    "events": set(),
    "mobility": {"events"},
    "products": {"events", "mobility", "privacy"},
    "deliverable": set(),
    "engine": {"events", "mobility"},
    "store": {"mobility", "privacy"},
    "services": set(),
    "starter": set(),
    "simulate": set(),
    **{verb: {*PURE, *VERBS, "engine", "store"} for verb in VERBS},
    **dict.fromkeys(LEAVES, LEAVES),
}
"""What each room under tasks/ may import of its sisters, besides the leaves and itself."""

PURE_LEAVES = {"refs", "period", "policy", "errors", "validation"}

HOMES = {
    "duckdb": {"events"},
    "great_expectations": {"validation"},
    "numba": {"events"},
    "shapely": {"mobility", "simulate"},
    "opendp": {"privacy"},
    "boto3": {"store", "services"},
    "botocore": {"store", "services"},
    "sqlmodel": {"store"},
    "sqlalchemy": {"store", "settings"},
    "alembic": {"store"},
    "prefect": {"step", "flows"},
    "typer": {"flows"},
    "rich": {"flows"},
    "cryptography": {"deliverable", "store"},
    "jinja2": {"deliverable", "flows"},  # what a client reads; and the status page, which is for ourselves
    "jsonschema": {"deliverable"},
    "open_data_contract_standard": {"deliverable"},
    "pydantic_settings": {"settings"},
}
"""The one home of each outside library (a second one only where the first cannot be asked)."""


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for top in ("flows", "tasks"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "tasks")


def _room(path: Path) -> str:
    return "flows" if path.parts[0] == "flows" else Path(path.parts[1]).stem


def test_nothing_imports_against_the_rule() -> None:
    wrong = []
    for path, tree in _sources():
        room = _room(path)
        if room in ("flows", "__init__"):
            continue
        allowed = MAY_IMPORT[room] | (PURE_LEAVES if room in PURE else LEAVES) | {room}
        for name in _imports(tree):
            parts = name.split(".")
            if parts[0] == "flows" or (parts[0] == "tasks" and len(parts) > 1 and parts[1] not in allowed):
                wrong.append(f"{path} imports {name}")
    assert not wrong


def test_each_outside_library_has_one_home() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in _sources()
        for name in _imports(tree)
        if name.split(".")[0] in HOMES and _room(path) not in HOMES[name.split(".")[0]]
    ]
    assert not wrong


def _functions() -> Iterator[tuple[str, int, bool]]:
    for path, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                kernel = any(ast.unparse(decorator) == "kernel" for decorator in node.decorator_list)
                yield f"{path}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1, kernel


def test_functions_are_small() -> None:
    lengths = sorted(length for _, length, _ in _functions())
    assert not [name for name, length, kernel in _functions() if length > 40 and not kernel]
    assert statistics.median(lengths) <= 10
    assert lengths[int(len(lengths) * 0.9)] < 25


@pytest.mark.parametrize("top", ["flows", "tasks"])
def test_no_file_is_over_300_lines(top: str) -> None:
    assert not [str(p) for p in (ROOT / top).rglob("*.py") if len(p.read_text().splitlines()) > 300]


def test_the_package_holds_the_policy_where_it_is_looked_for() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"policy.toml": "tasks/policy.toml"}
    assert shipped() in (ROOT / "policy.toml", ROOT / "tasks" / "policy.toml")


def test_the_top_level_is_the_one_its_owner_fixed() -> None:
    folders = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")} - {"dist"}
    assert folders == {"flows", "tasks", "tests", "infra", "docs"}
