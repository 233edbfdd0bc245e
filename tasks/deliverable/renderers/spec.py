"""What a renderer is: one file of a delivery, as a function of what the client may have."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from tasks.deliverable.grant import Granted
from tasks.deliverable.view import DeliveryView, GrantView, ReleaseView, ZonesView


@dataclass(frozen=True)
class RenderInput:
    """All that a file may show."""

    release: ReleaseView
    plan: ZonesView
    grant: GrantView
    delivery: DeliveryView
    places: Granted
    data: pa.Table
    """The delivered rows."""
    public_key: bytes
    """Raw Ed25519 key by which the delivery is verified."""
    renderers: tuple["Renderer", ...]
    """Those of this delivery."""


@dataclass(frozen=True)
class Renderer:
    """One file of a delivery. Equal inputs give equal bytes."""

    name: str
    """What a grant's `formats` calls it."""
    file: str
    media_type: str
    meaning: str
    """One phrase for the read-me."""
    render: Callable[[RenderInput], bytes]
    on_request: bool = False
    """Whether a client gets it only if its grant asks for it."""
    has_rows: bool = False
    """Whether the file holds every row of the delivery."""
