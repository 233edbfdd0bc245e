"""Check the prose rule: `python -m tests.prose` prints each breach and fails if there is one.

Documents: no banned word, no sentence over 20 words. Docstrings, comments and messages: no banned word.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 20
BANNED = {
    r"told|telling|tells of|tell of": "say what is shown, sent or reported, and by what",
    r"mend|mends|mended|mending": "fix, correct",
    r"in vain|vain": "failed, rejected",
    r"stands(?! for)|stood(?! for)": "is valid, exists, remains",
    r"of ours|of yours|of theirs": "our, your, their",
    r"so many": "how many, N",
    r"the books|books": "catalog, ledger",
    r"whoever|whomever": "the person who, users who",
    r"bears? with": "tolerates",
    r"the house|in the house|room|rooms": "the project, package, folder, space",
    r"for ever": "permanently",
    r"whence|thereby|thereof|in which case": "a second sentence",
}
DELIVERED = {"tasks/deliverable/columns.py"}
"""Modules whose texts are part of a delivery's version: they change only with it."""
_WORDS = {re.compile(rf"\b(?:{words})\b", re.IGNORECASE): better for words, better in BANNED.items()}
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`|<https?:[^>]*>|\]\([^)]*\)|^\s*\|?[-:| ]+\|\s*$", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    """The Markdown pages of the project, without the one that is written from messages."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "infra" / "README.md"]
    return [page for page in sorted(pages) if page.name != "error-codes.md"]


def in_document(text: str) -> Iterator[tuple[int, str]]:
    """Breaches in Markdown, by line."""
    plain = _CODE.sub(lambda code: "\n" * code[0].count("\n") or "`", text)
    yield from _banned(plain)
    for line, sentence in _sentences(plain):
        if len(words := re.findall(r"[\w'’`,.-]*\w[\w'’`]*", sentence)) > LONGEST:
            yield line, f"{len(words)} words: {' '.join(words[:6])} ..."


def in_source(source: str) -> Iterator[tuple[int, str]]:
    """Breaches in a module's docstrings, messages and comments, by line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 2:
            yield from ((node.lineno + line - 1, fault) for line, fault in _banned(node.value))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from ((token.start[0], fault) for _, fault in _banned(token.string))


def _banned(text: str) -> Iterator[tuple[int, str]]:
    for word, better in _WORDS.items():
        for found in word.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, f"`{found[0]}`: {better}"


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Sentences with their lines; a cell, a list item, a heading and a paragraph end a sentence."""
    ended = re.sub(r"\n(?=\s*([-*>#|]|\d+\.) |\s*\n)|\|", lambda end: f"\0{end[0]}", text)
    at = 0
    for part in re.split(r"(\0|[.!?:](?:\*\*|[\")*_])*(?=\s|$))", ended):
        clean = part.replace("\0", "")
        if clean.strip():
            yield text.count("\n", 0, at + len(clean) - len(clean.lstrip())) + 1, clean
        at += len(clean)


def main() -> int:
    """Print every breach; 1 if there is one."""
    sources = [path for top in ("flows", "tasks") for path in sorted((ROOT / top).rglob("*.py"))]
    sources = [path for path in sources if str(path.relative_to(ROOT)) not in DELIVERED]
    found = [(path, *fault) for path in documents() for fault in in_document(path.read_text())]
    found += [(path, *fault) for path in sources for fault in in_source(path.read_text())]
    for path, line, fault in sorted(found):
        print(f"{path.relative_to(ROOT)}:{line}: {fault}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
