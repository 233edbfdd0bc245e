"""Ed25519 signatures (RFC 8032), the names of keys, and the envelope of a document that carries its signatures."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tasks.deliverable.verifier.untrusted import Document, UntrustedObjects, refuse

Keys = Mapping[str, bytes]
"""Raw public keys by key id; empty if the reader pinned none."""
KEY_ID = re.compile(r"[0-9a-f]{16}")
ENVELOPE = {"signatures": [{"key_id": KEY_ID, "signature": re.compile(r"[0-9a-f]{128}")}]}
MAX_SIGNATURES = 16
ASK_ABOUT_THE_KEY = "Do not use it; ask over another channel whether the key was changed."


def key_id(public: bytes) -> str:
    """A key's name: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def parse_public_key(content: bytes) -> bytes:
    """Read a public key given as PEM, as hex or as 32 raw bytes; raises ValueError on anything else."""
    if b"-----BEGIN" in content:
        return _from_pem(content).public_bytes_raw()
    raw = content if len(content) == 32 else bytes.fromhex(content.decode("ascii").strip())
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes_raw()


def _from_pem(content: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(content)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature belongs to this key and these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def trusted_keys(objects: UntrustedObjects, pinned: bytes | None) -> Keys:
    """The keys whose signatures count at this location; none if the reader pinned none."""
    return {key_id(pinned): pinned} if pinned else {}


def pretty(document: Mapping[str, Any]) -> bytes:
    """The JSON that people read: the only bytes that a document in an envelope may have."""
    return f"{json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)}\n".encode()


def signed_bytes(document: Mapping[str, Any]) -> bytes:
    """The document without `signatures` as canonical JSON (RFC 8785); it holds no fractions."""
    unsigned = {name: value for name, value in document.items() if name != "signatures"}
    return json.dumps(unsigned, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def check_envelope(document: Document, content: bytes, keys: Keys, label: str) -> None:
    """Refuse a document that none of the keys signed, or whose bytes differ from those of its content."""
    signatures = {each["key_id"]: each["signature"] for each in document["signatures"][:MAX_SIGNATURES]}
    ours = signatures.keys() & keys.keys()
    if not ours:
        known = f"by the pinned key {', '.join(keys)}" if len(keys) == 1 else "by a key of this delivery"
        refuse(f"{label} is not signed {known}.", "delivery.other_key", ASK_ABOUT_THE_KEY)
    try:
        message, exact = signed_bytes(document), pretty(document) == content
    except ValueError:  # half of a surrogate pair
        message, exact = b"", False
    if not exact or not any(is_signed(keys[one], message, bytes.fromhex(signatures[one])) for one in ours):
        refuse(f"{label} was changed after it was signed.", "delivery.signature_invalid")
