"""TERMS.md: who publishes, what the client may do, and what must not be done."""

from tasks.deliverable.renderers.spec import Renderer
from tasks.deliverable.terms import terms

RENDERER = Renderer(
    "terms",
    "TERMS.md",
    "text/markdown; charset=utf-8",
    "publisher, permitted use, retention, recall and privacy",
    lambda content: terms(content.release, content.grant),
)
