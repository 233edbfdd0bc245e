"""Sealed files: AES-256-GCM under a period's data key, each bound to its own path in the lake.

Without the key a file shows its size alone; moved, exchanged or altered it does not open.
"""

from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
"""Bytes; drawn at random for each file (NIST SP 800-38D allows 2^32 of them under one key)."""


class DoesNotOpen(Exception):
    """The bytes were not sealed under this key for this path, or are not all there any more."""


def seal(key: bytes, path: str, content: bytes | memoryview) -> bytes:
    """Encrypt a file's content; `path`: its key in the lake."""
    nonce = token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, memoryview(content).cast("B"), path.encode())


def unseal(key: bytes, path: str, sealed: bytes) -> bytes:
    """A file's content; raises DoesNotOpen."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], memoryview(sealed)[_NONCE:], path.encode())
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce and a tag
        raise DoesNotOpen from None
