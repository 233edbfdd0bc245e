"""Every renderer that exists: the `RENDERER` of each module of this package."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import PurePath

from tasks.declared import added, declared
from tasks.deliverable.delta import DELTA
from tasks.deliverable.renderers.parquet import RENDERER as PARQUET
from tasks.deliverable.renderers.spec import Renderer

_RENDERERS: dict[str, Renderer] = declared("tasks.deliverable.renderers", "RENDERER")


def chosen(formats: Collection[str]) -> tuple[Renderer, ...]:
    """The renderers of a delivery: those that every client gets, and those asked for."""
    return tuple(each for each in _RENDERERS.values() if not each.on_request or each.name in formats)


def grant_formats() -> tuple[str, ...]:
    """What a grant's `formats` may name: the table that every client gets, and all that comes on request."""
    return (PARQUET.name, *(each.name for each in _RENDERERS.values() if each.on_request), DELTA)


def media_type(path: str) -> str:
    """The media type of a delivery's file, by the ending that is its renderer's alone."""
    known = {PurePath(each.file).suffix: each.media_type for each in _RENDERERS.values()} | {
        ".json": "application/json"
    }
    return known.get(PurePath(path).suffix, "application/octet-stream")


def registered(renderer: Renderer) -> AbstractContextManager[None]:
    """Add a renderer for the duration of a block."""
    return added(_RENDERERS, **{renderer.name: renderer})
