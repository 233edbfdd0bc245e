"""Every renderer that exists: the `RENDERER` of each module of this package."""

import importlib
import pkgutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import tasks.deliverable.renderers
from tasks.deliverable.renderers.parquet import RENDERER as PARQUET
from tasks.deliverable.renderers.spec import Renderer


def _shipped() -> Iterator[Renderer]:
    for module in pkgutil.iter_modules(tasks.deliverable.renderers.__path__, "tasks.deliverable.renderers."):
        if module.name != __name__ and (found := getattr(importlib.import_module(module.name), "RENDERER", None)):
            yield found


_RENDERERS = {renderer.name: renderer for renderer in _shipped()}


def chosen(formats: Collection[str]) -> tuple[Renderer, ...]:
    """The renderers of a delivery: those that every client gets, and those asked for."""
    return tuple(each for each in _RENDERERS.values() if not each.on_request or each.name in formats)


def grant_formats() -> tuple[str, ...]:
    """What a grant's `formats` may name: the table that every client gets, and all that comes on request."""
    return (PARQUET.name, *(each.name for each in _RENDERERS.values() if each.on_request))


def media_type(file: str) -> str:
    """The media type of a delivery's file."""
    known = {each.file: each.media_type for each in _RENDERERS.values()}
    return known.get(file, "application/json" if file.endswith(".json") else "application/octet-stream")


@contextmanager
def registered(renderer: Renderer) -> Iterator[None]:
    """Add a renderer for the duration of a block."""
    _RENDERERS[renderer.name] = renderer
    try:
        yield
    finally:
        del _RENDERERS[renderer.name]
