"""The page of faults names tests that exist, and each of them once in words."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "faults.md"


def test_each_row_of_the_page_of_faults_is_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    told = [row for row in rows if not row.startswith("| fault |")]
    assert len(told) > 25
    for row in told:
        named = re.findall(r"`(tests/[a-z_0-9/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            tree = ast.parse((ROOT / file).read_text())
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"
