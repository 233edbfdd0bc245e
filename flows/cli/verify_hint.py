"""What follows a delivery: the command that verifies it from here, and the public key by which a client does so."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ThrongError

if TYPE_CHECKING:
    from tasks.store import ReleasedStores

PUBLIC_KEY = "throng-public.pem"
"""The file's name, in the home; clients get it another way than with a delivery."""


def verify_hint(stores: "ReleasedStores", client: str, location: str) -> str:
    """What comes next after a delivery: a command that works as it is printed, or whose turn it is."""
    from tasks.client_state import client_spec

    to = client_spec(stores, client).destination
    pinned = ""
    with suppress(ThrongError):  # a full disk: verified all the same, without the pinned key
        pinned = f" --public-key {shlex.quote(str(export_public_key(stores)))}"
    if to.role_arn:  # the client has its own copy of the key, where only it knows
        return f"Next: {client} verifies it with its own credentials: throng verify {location} --public-key FILE"
    way = {"AWS_PROFILE": to.profile, "AWS_ENDPOINT_URL_S3": to.endpoint_url}
    words = [f"{name}={shlex.quote(value)} " for name, value in way.items() if value]
    return f"Next: {''.join(words)}throng verify {location}{pinned}"


def export_public_key(stores: "ReleasedStores") -> Path:
    """The file in the home that holds the public key, written if it does not; raises StorageUnavailable."""
    from tasks.deliverable.signature import pem, public_key
    from tasks.store.atomic_files import replace_file, translate_errors

    file, key = stores.settings.home / PUBLIC_KEY, pem(public_key(stores.signing_keys.current()))
    with translate_errors(file):
        there = file.read_bytes() if file.is_file() else b""
    if there != key.encode():
        replace_file(file, key.encode(), 0o644)
    return file
