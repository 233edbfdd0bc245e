"""The house keeps its own rules: who may import whom, where each outside library lives, how large things are."""

import ast
import statistics
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tasks.policy_file import shipped

ROOT = Path(__file__).parent.parent.parent
LEAVES = {
    *(
        "declared",
        "refs",
        "period",
        "quantity",
        "interval",
        "policy",
        "settings",
        "env_files",
        "loopback",
        "errors",
        "validation",
        "step",
    ),
    "light_imports",
    "demographics",
}
PURE = {"events", "mobility", "products", "privacy", "estimate", "deliverable"}
VERBS = {"ingest", "publish", "deliver", "expire", "verify", "rotate"} | {
    *(
        "release",
        "release_metadata",
        "estimation",
        "delivery_calendar",
        "staleness",
        "staged_day",
        "public_plans",
        "count_context",
        "withheld",
        "completeness",
        "register_versions",
        "retention",
        "refresh",
        "release_inputs",
        "client_index",
        "client_check",
        "client_state",
        "delta_tables",
        "delivery_objects",
        "key_ring",
    ),  # what they share: drawing once, what a delivery and an index may say
    *(
        "plan",
        "quote",
        "alerts",
        "metrics",
        "status",
        "landing_check",
        "coverage",
        "inspect",
    ),  # what is to be done, and what is to be told
}
"""The verbs, what they share, and what looks at their work."""

MAY_IMPORT = {
    "privacy": set(),
    "events": set(),
    "mobility": {"events"},
    "products": {"events", "mobility", "privacy"},
    "estimate": set(),
    "deliverable": set(),
    "engine": {"events", "mobility"},
    "store": {"mobility", "privacy", "policy_file"},
    "policy_file": {"products", "privacy", "policy_faults"},
    "policy_faults": set(),
    "services": set(),
    "starter": {"policy_file"},
    "simulate": set(),
    **{verb: {*PURE, *VERBS, "engine", "store"} for verb in VERBS},
    **dict.fromkeys(LEAVES, LEAVES),
}
"""What each room under tasks/ may import of its sisters, besides the leaves and itself."""

PURE_LEAVES = {
    "declared",
    "refs",
    "period",
    "quantity",
    "interval",
    "policy",
    "errors",
    "validation",
    "light_imports",
    "demographics",
}

HOMES = {
    "duckdb": {"events"},
    "great_expectations": {"validation"},
    "numba": {"events"},
    "shapely": {"mobility", "simulate", "deliverable"},
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
    "apprise": {"flows"},
    "prometheus_client": {"metrics"},
    "filelock": {"flows"},
}
"""The one home of each outside library (a second one only where the first cannot be asked)."""

OLD_MODULES = """
carry ending reckoning rounds standing cards sentences telling settling ends place announcement child books answer asked
operate pages receiving running words describe expected stale references home_env expectations known room day_room
release_room delivery_room run_records day_records file_records delivery_records journal meter visits judge lookup duck
machine account measures gate_words conformity serial flaws
"""
OLD_NAMES = """
carry_out plainly heard unhindered Teller hand_over died OneDraw slot price Basis Counted scrubbed Watch Known
Standing Todo Candidate noted Trace in_words on_disk Judge Looked Prepared STRANGER BROKEN Unfit LateFiles consented Who
Time Desk Places carry_minutes settle_hour hold_zones Tally positions
"""
"""Words that standard terms have replaced: each thing has one name."""


@cache
def _sources() -> list[tuple[Path, ast.Module]]:
    paths = [path for top in ("flows", "tasks") for path in sorted((ROOT / top).rglob("*.py"))]
    return [(path.relative_to(ROOT), ast.parse(path.read_text())) for path in paths]


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


def test_nothing_but_the_simulator_has_randomness_of_its_own() -> None:
    """Noise is OpenDP's. Keys and unique names are from `secrets`, which has no seed."""
    wrong = [
        f"{path} uses {name}"
        for path, tree in _sources()
        for node in ast.walk(tree)
        for name in (getattr(node, part, None) for part in ("attr", "module", "name"))
        if isinstance(name, str) and "random" in name.split(".") and _room(path) != "simulate"
    ]
    assert not wrong


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports within functions count too; those for type checks alone do not."""
    trees = {_module(path): tree for path, tree in _sources()}
    graph = {name: set(_needed(tree, trees)) - {name} for name, tree in trees.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def _needed(tree: ast.Module, modules: Mapping[str, object]) -> Iterator[str]:
    """Our own modules that a module imports; a package counts only where something of its own is imported."""
    typing = {id(node) for block in ast.walk(tree) if _types_only(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in typing:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules else node.module for name in names if node.module in modules)


def _types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def test_no_public_class_name_is_used_twice() -> None:
    classes = (node.name for _, tree in _sources() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    twice = {name for name, times in Counter(classes).items() if times > 1 and not name.startswith("_")}
    assert not twice


def test_nothing_has_a_name_that_a_standard_term_has_replaced() -> None:
    old_modules, old_names = set(OLD_MODULES.split()), set(OLD_NAMES.split())
    modules = [str(path) for path, _ in _sources() if old_modules & {*path.with_suffix("").parts}]
    names = [f"{path} {name}" for path, tree in _sources() for name in _defined(tree) if name.strip("_") in old_names]
    assert not [*modules, *names]


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
    assigned = (node.targets for node in tree.body if isinstance(node, ast.Assign))
    yield from (target.id for targets in assigned for target in targets if isinstance(target, ast.Name))


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
