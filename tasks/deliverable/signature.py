"""Ed25519 signatures (RFC 8032) over a manifest's exact bytes, and the keys' names."""

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tasks.errors import Misconfigured

RAW_BYTES = 32


def public_key(private: bytes) -> bytes:
    """The raw public key (32 bytes) of a raw private key (32 bytes)."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """A key's name: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def pem(public: bytes) -> str:
    """The key as SubjectPublicKeyInfo in PEM, which openssl reads."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def parse_public_key(content: bytes) -> bytes:
    """Read a public key given as PEM, as hex or as 32 raw bytes; raises ValueError on anything else."""
    if b"-----BEGIN" in content:
        return _from_pem(content).public_bytes_raw()
    raw = content if len(content) == RAW_BYTES else bytes.fromhex(content.decode("ascii").strip())
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes_raw()


def _from_pem(content: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(content)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key


def pinned_key(content: bytes, source: str) -> bytes:
    """The public key in a client's file; raises Misconfigured naming the file."""
    try:
        return parse_public_key(content)
    except ValueError:
        raise Misconfigured(
            f"{source} is not an Ed25519 public key.",
            "Give the key as PEM, as 64 hex digits or as 32 bytes.",
            "delivery.key_file",
        ) from None


def sign(private: bytes, message: bytes) -> bytes:
    """The signature (64 bytes) of a message."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(message)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature belongs to this key and these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
