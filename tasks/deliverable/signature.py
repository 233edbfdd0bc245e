"""The signing side of Ed25519 (RFC 8032): a manifest's exact bytes, and documents that carry their signatures."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tasks.deliverable.verifier.signatures import key_id, pretty, signed_bytes


def public_key(private: bytes) -> bytes:
    """The raw public key (32 bytes) of a raw private key (32 bytes)."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def pem(public: bytes) -> str:
    """The key as SubjectPublicKeyInfo in PEM, which openssl reads."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(private: bytes, message: bytes) -> bytes:
    """The signature (64 bytes) of a message."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(message)


def signed(document: Mapping[str, Any], *keys: bytes) -> bytes:
    """The document in its envelope, in bytes, signed by each of the raw private keys; it holds no fractions."""
    message = signed_bytes(document)
    signatures = [{"key_id": key_id(public_key(key)), "signature": sign(key, message).hex()} for key in keys]
    return pretty({**document, "signatures": signatures})
