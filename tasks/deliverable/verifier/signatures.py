"""Ed25519 signatures (RFC 8032), the names of keys, and the envelope of a document that carries its signatures."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tasks.deliverable.verifier.untrusted import Document, refuse

Keys = Mapping[str, bytes]
"""Raw public keys by key id, oldest first; empty if the reader knows none."""
KEY_ID, SIGNATURE_HEX = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{128}")
ENVELOPE = {"signatures": [{"key_id": KEY_ID, "signature": SIGNATURE_HEX}]}
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


def named(keys: Keys) -> str:
    """Keys as a message names them: not more than the newest three."""
    return f"{'key' if len(keys) == 1 else 'one of the keys'} {', '.join(list(keys)[-3:])}"


def pretty(document: Mapping[str, Any]) -> bytes:
    """The JSON that people read: the only bytes that a document in an envelope may have."""
    return f"{json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)}\n".encode()


def signed_bytes(document: Mapping[str, Any]) -> bytes:
    """The document without `signatures` as canonical JSON (RFC 8785); it holds no fractions."""
    unsigned = {name: value for name, value in document.items() if name != "signatures"}
    return json.dumps(unsigned, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def check_envelope(document: Document, content: bytes, keys: Keys, label: str) -> list[str]:
    """Which of the keys signed a document; refused if none did, or if its bytes are not those of its content."""
    signatures = {each["key_id"]: each["signature"] for each in document["signatures"][:MAX_SIGNATURES]}
    ours = [name for name in keys if name in signatures]
    if not ours:
        refuse(f"{label} is not signed by {named(keys)}.", "delivery.other_key", ASK_ABOUT_THE_KEY)
    try:
        message, exact = signed_bytes(document), pretty(document) == content
    except ValueError:  # half of a surrogate pair
        message, exact = b"", False
    signers = [one for one in ours if exact and is_signed(keys[one], message, bytes.fromhex(signatures[one]))]
    if not signers:
        refuse(f"{label} was changed after it was signed.", "delivery.signature_invalid")
    return signers
