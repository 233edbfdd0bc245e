"""Verify a delivery: `python verify.py FOLDER --public-key FILE`. Needs Python 3.10 and the package `cryptography`.

FOLDER is a copy of what was delivered: the client's prefix, a product's folder, or one delivery's folder of documents.
It checks signatures, the index, names, sizes and checksums. Exit code: 0 verified; 30 do not use it; 2 wrong arguments.
A copy that comes with the data proves integrity only if you received it, or its digest, another way.
"""

import ast
from functools import cache
from pathlib import Path

MODULES = ("untrusted", "signatures", "key_chain", "delivery", "delta_logs", "index_history", "location", "script")
"""What the single file is made of, in this order. They import each other, the standard library and cryptography."""

NOTHING_BESIDE = """import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # a file beside this one must not be taken for a module
"""


@cache
def source() -> bytes:
    """The modules as one file that needs nothing else of Throng, its imports first."""
    texts = [Path(__file__).with_name(f"{name}.py").read_bytes().decode() for name in MODULES]
    imports = {name for text in texts for node in ast.parse(text).body for name in _imported(node)}
    return "\n".join([f'"""{__doc__}"""\n', NOTHING_BESIDE, *sorted(imports), *map(_without_imports, texts)]).encode()


def _imported(node: ast.stmt) -> list[str]:
    """A line for each name that a statement imports, but for the other modules."""
    if isinstance(node, ast.ImportFrom) and not str(node.module).startswith("tasks."):
        return [f"from {node.module} import {alias.name}" for alias in node.names]
    return [f"import {alias.name}" for alias in node.names] if isinstance(node, ast.Import) else []


def _without_imports(text: str) -> str:
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n\n" + "".join(lines)
