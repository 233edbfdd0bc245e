"""Statements of signing keys: since when each one signs, signed by the one before; keys.json shows them to clients."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tasks.deliverable.serialisation import instant
from tasks.deliverable.signature import public_key, sign, signed
from tasks.deliverable.verifier.key_chain import KEYS_SHAPE, signed_part
from tasks.deliverable.verifier.signatures import key_id

Statement = Mapping[str, Any]
"""A key as keys.json lists it."""


def first_statement(private: bytes, at: datetime) -> Statement:
    """The statement of the first key: no key vouches for it."""
    return _statement(private, instant(at), None)


def with_successor(statements: Sequence[Statement], private: bytes, new: bytes, at: datetime) -> list[Statement]:
    """All statements once `new` follows the newest key, `private`, which vouches for it."""
    *earlier, newest = statements
    since = max(instant(at), str(newest["valid_from"]))  # a clock that was put back
    signature = sign(private, signed_part(public_key(new), since, str(newest["key_id"]))).hex()
    return [*earlier, {**newest, "valid_until": since}, _statement(new, since, signature)]


def with_former_revoked(statements: Sequence[Statement]) -> list[Statement]:
    """All statements once only the newest key vouches for anything."""
    return [*({**statement, "revoked": True} for statement in statements[:-1]), statements[-1]]


def keys_json(statements: Sequence[Statement], private: bytes) -> bytes:
    """keys.json, signed by the newest key."""
    return signed({"format": KEYS_SHAPE["format"], "keys": list(statements)}, private)


def _statement(private: bytes, since: str, signature: str | None) -> Statement:
    public = public_key(private)
    named = {"key_id": key_id(public), "public_key": public.hex()}
    return {**named, "valid_from": since, "valid_until": None, "signature": signature}
