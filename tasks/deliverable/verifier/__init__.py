"""Verify a delivery: `python verify.py FOLDER --public-key FILE`. Needs Python 3.10 and the package `cryptography`.

FOLDER is a copy of what was delivered: the client's prefix, a product's folder, or one delivery's folder of documents.
It checks signatures, the index, names, sizes and checksums. Exit code: 0 verified; 30 do not use it; 2 wrong arguments.
A copy that comes with the data proves integrity only if you received it, or its digest, another way.
"""

import ast
from pathlib import Path

MODULES = ("untrusted", "signatures", "delivery", "delta_logs", "index_history", "location", "script")
"""What the single file is made of, in this order. They import each other, the standard library and cryptography."""


def source() -> bytes:
    """The modules as one file that needs nothing else of Throng."""
    texts = [Path(__file__).with_name(f"{name}.py").read_text() for name in MODULES]
    return "\n\n".join([f'"""{__doc__}"""\n', *map(_alone, texts)]).encode()


def _alone(text: str) -> str:
    """A module without its imports from the others."""
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tasks."):
            del lines[node.lineno - 1 : node.end_lineno]
    return "".join(lines)
