"""keys.json: since when each key signs, each key signed by the one before; and whose signatures count for a reader."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from tasks.deliverable.verifier.signatures import (
    ASK_ABOUT_THE_KEY,
    ENVELOPE,
    KEY_ID,
    SIGNATURE_HEX,
    Keys,
    check_envelope,
    is_signed,
    key_id,
)
from tasks.deliverable.verifier.untrusted import DIGEST, Document, parse, refuse

KEYS = "keys.json"
MAX_KEYS = 1_000
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_KEY = {"key_id": KEY_ID, "public_key": DIGEST, "valid_from": INSTANT, "valid_until": (INSTANT,)}
KEYS_SHAPE = {"format": 1, "keys": [{**_KEY, "signature": (SIGNATURE_HEX,)}], **ENVELOPE}
PIN_THE_NEW_KEY = "Do not use it; get the new public key over another channel, and give that one."


@dataclass(frozen=True)
class Trust:
    """Whose signatures count: the keys of keys.json, or else the reader's own one; nobody's if there is none."""

    known: Keys
    """Oldest first. They may have signed what a trusted index names."""
    statements: Mapping[str, Document]
    """What keys.json says of each; empty without one."""

    def is_revoked(self, name: str) -> bool:
        """Whether a key vouches for nothing by itself any more."""
        return "revoked" in self.statements.get(name, ())

    def is_valid(self, name: str, at: str) -> bool:
        """Whether a key signed at this instant."""
        if name not in self.statements:
            return True
        statement = self.statements[name]
        return bool(statement["valid_from"] <= at <= (statement["valid_until"] or at))


def signed_part(public: bytes, valid_from: str, predecessor: str) -> bytes:
    """What a key signs of its successor: not what is known only later."""
    named = {"key_id": key_id(public), "public_key": public.hex()}
    statement = {**named, "valid_from": valid_from, "predecessor": predecessor}
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def trusted(content: bytes | None, pinned: bytes | None, seen: bytes | None) -> Trust:
    """Whose signatures count; `content`: of keys.json; `seen`: the key that signed the index seen before."""
    own = pinned or seen
    trust = _read_chain(content) if content is not None else Trust({key_id(own): own} if own else {}, {})
    for key, name in ((pinned, "pinned key"), (seen, "key that was seen before")):
        if key is not None and trust.known.get(key_id(key)) != key:
            what = f"The {name}, {key_id(key)}, is not among the keys of this location."
            refuse(what, "delivery.other_key", ASK_ABOUT_THE_KEY)
    if own:
        order = list(trust.known)
        revoked = [name for name in order[order.index(key_id(own)) :] if trust.is_revoked(name)]
        if revoked:
            refuse(f"{KEYS} says that key {revoked[0]} is revoked.", "delivery.key_revoked", PIN_THE_NEW_KEY)
    return trust


def _read_chain(content: bytes) -> Trust:
    """The keys of keys.json, oldest first; refused unless each one is vouched for, and the newest signed the list."""
    document = parse(content, KEYS_SHAPE, KEYS)
    statements = {each["key_id"]: each for each in document["keys"]}
    known = {name: bytes.fromhex(each["public_key"]) for name, each in statements.items()}
    if not 0 < len(statements) == len(document["keys"]) <= MAX_KEYS:
        _refuse_chain(f"lists no key, a key twice, or more than {MAX_KEYS}")
    if any(key_id(key) != name for name, key in known.items()):
        _refuse_chain("names a key by another id than its own")
    *earlier, newest = statements.values()
    for former, each in pairwise((None, *statements.values())):
        _check_link(former, each)
    if newest["valid_until"] is not None or any(one.get("revoked", True) is not True for one in earlier):
        _refuse_chain("contradicts itself on which keys are valid")
    if "revoked" in newest:
        _refuse_chain("revokes its newest key")
    check_envelope(document, content, {newest["key_id"]: known[newest["key_id"]]}, KEYS)
    return Trust(known, statements)


def _check_link(former: Document | None, each: Document) -> None:
    """A key begins when the one before ends, and carries its signature; the first one has none."""
    if former is None:
        if each["signature"] is not None:
            _refuse_chain("begins with a key that another one signed")
        return
    if former["valid_until"] != each["valid_from"] or each["valid_from"] < former["valid_from"]:
        _refuse_chain("contradicts itself on when a key was replaced")
    part = signed_part(bytes.fromhex(each["public_key"]), each["valid_from"], former["key_id"])
    if not is_signed(bytes.fromhex(former["public_key"]), part, bytes.fromhex(each["signature"] or "")):
        _refuse_chain(f"lists key {each['key_id']}, which the key before did not sign")


def _refuse_chain(what: str) -> NoReturn:
    refuse(f"{KEYS} {what}.", "delivery.key_chain", ASK_ABOUT_THE_KEY)


def check_issuer(document: Document, content: bytes, trust: Trust, seen: bytes | None, label: str) -> bytes:
    """The key that issued a signed document; refused if it was revoked, or did not sign at that time or any more."""
    signers = check_envelope(document, content, trust.known, label)
    good = [name for name in signers if not trust.is_revoked(name)]
    if not good:
        what = f"{label} is signed by key {signers[0]}, which is revoked."
        refuse(what, "delivery.key_revoked", "Do not use it; ask for a new one.")
    valid = [name for name in trust.known if name in good and trust.is_valid(name, document["issued_at"])]
    order = list(trust.known)
    if not valid or (seen and order.index(valid[-1]) < order.index(key_id(seen))):
        what = f"{label} is signed by key {good[0]}, which was not valid then, or was replaced before."
        refuse(what, "delivery.key_not_valid", "Do not use it; ask for a new one.")
    return trust.known[valid[-1]]
