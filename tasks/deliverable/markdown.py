"""Markdown from templates: foreign text stays text."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def plain(text: str) -> str:
    """Foreign text as inert Markdown on one line."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))


def _count(number: float, decimals: int = 0) -> str:
    return f"{number:,.{decimals}f}"


@cache
def template(name: str) -> Template:
    """A template of this package."""
    environment = Environment(  # noqa: S701 (Markdown: `plain` escapes what others wrote)
        loader=PackageLoader("tasks.deliverable"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "count": _count}
    return environment.get_template(name)
