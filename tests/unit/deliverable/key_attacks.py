"""A client's prefix before and after a rotation of the signing key, and attacks on the chain of keys."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from tasks.deliverable.key_history import (
    Statement,
    first_statement,
    keys_json,
    with_former_revoked,
    with_successor,
)
from tasks.deliverable.verifier.key_chain import MAX_KEYS
from tests.unit.deliverable.attack import Attack, Files
from tests.unit.deliverable.factories import (
    SIGNING_KEY,
    grant_view,
    index_of,
    placed,
    release_view,
    rendered,
    signed_again,
)

NEXT_KEY, THIEFS_KEY = bytes(range(2, 34)), bytes(range(3, 35))
BEFORE, AFTER = "2026-03-05T07:00:00Z", "2026-03-05T09:00:00Z"
"""An hour before and after the rotation."""
FIRST: list[Statement] = [first_statement(SIGNING_KEY, datetime(2026, 3, 1, tzinfo=UTC))]
ROTATION = datetime(2026, 3, 5, 8, tzinfo=UTC)
BOTH = with_successor(FIRST, SIGNING_KEY, NEXT_KEY, ROTATION)
FORGED = with_successor(FIRST, SIGNING_KEY, THIEFS_KEY, ROTATION)
"""What a thief of the first key can make."""
OLD_KEYS, KEYS = keys_json(FIRST, SIGNING_KEY), keys_json(BOTH, NEXT_KEY)
REVOKED = keys_json(with_former_revoked(BOTH), NEXT_KEY)

OLD_DAY = rendered(grant=grant_view("Z01"))
NEW_DAY = rendered(release_view(date(2026, 3, 3)), grant=grant_view("Z01"), key=NEXT_KEY)
OLD_INDEX = signed_again(index_of(OLD_DAY, sequence=3), lambda index: index.update(issued_at=BEFORE))
INDEX = index_of(OLD_DAY, NEW_DAY, sequence=4, previous=hashlib.sha256(OLD_INDEX).hexdigest(), key=NEXT_KEY)
UNROTATED: Files = {"index.json": OLD_INDEX, "keys.json": OLD_KEYS, **placed(OLD_DAY)}
ROTATED: Files = {"index.json": INDEX, "keys.json": KEYS, **placed(OLD_DAY, NEW_DAY)}
OLD_PIN, NEW_PIN, STATE = "key.pem", "new.pem", ("--state", "rotated.json")
PRODUCT = "footfall/v3"


def _index(key: bytes, at: str = AFTER, sequence: int = 4) -> bytes:
    return signed_again(INDEX, lambda index: index.update(issued_at=at, sequence=sequence), key)


def _keys(change: Callable[[list[dict[str, Any]]], object]) -> Files:
    """The rotated prefix with another list of keys, signed again by the newest key."""
    statements = [dict(statement) for statement in BOTH]
    change(statements)
    return {**ROTATED, "keys.json": keys_json(statements, NEXT_KEY)}


def _by_thief(statements: Sequence[Statement], index: bytes | None = None) -> Files:
    return {**ROTATED, "keys.json": keys_json(statements, THIEFS_KEY), "index.json": index or _index(THIEFS_KEY)}


def _without_keys(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != "keys.json"}


ACCEPTED = {
    **{f"a prefix before the rotation, pinned {pin}": Attack(UNROTATED, pin=pin) for pin in (OLD_PIN, None)},
    **{f"a rotated prefix, pinned {pin}": Attack(ROTATED, pin=pin) for pin in (OLD_PIN, NEW_PIN, None)},
    **{f"a rotated product, pinned {pin}": Attack(ROTATED, pin=pin, below=PRODUCT) for pin in (OLD_PIN, NEW_PIN, None)},
    **{
        f"one delivery, pinned {pin}": Attack(ROTATED, pin=pin, below=day.path.folder)
        for pin, day in ((OLD_PIN, NEW_DAY), (NEW_PIN, OLD_DAY))
    },
    **{
        f"killed between keys.json and index, pinned {pin}": Attack({**UNROTATED, "keys.json": KEYS}, pin=pin)
        for pin in (OLD_PIN, NEW_PIN, None)
    },
    "a revoked key, pinned the new one": Attack({**ROTATED, "keys.json": REVOKED}, pin=NEW_PIN),
    "a revoked key, nothing pinned": Attack({**ROTATED, "keys.json": REVOKED}, pin=None),
    "a rotation since the state was kept": Attack(ROTATED, words=("--state", "unrotated.json"), pin=None),
    "the new key pinned, and the old one remembered": Attack(
        {**ROTATED, "keys.json": REVOKED}, words=("--state", "unrotated.json"), pin=NEW_PIN
    ),
}
REFUSED = {
    "a chain without the pinned key": Attack(_by_thief([first_statement(THIEFS_KEY, ROTATION)]), "delivery.other_key"),
    "a chain that a thief of the old key made, for who pinned the new one": Attack(
        _by_thief(FORGED), "delivery.other_key", pin=NEW_PIN
    ),
    "the thief's chain, for who saw the new one": Attack(_by_thief(FORGED), "delivery.other_key", STATE),
    "the thief's chain, for who pinned nothing": Attack(_by_thief(FORGED), "delivery.other_key", STATE, pin=None),
    "a successor that nobody signed": Attack(
        _keys(lambda keys: keys[1].update(signature="0" * 128)), "delivery.key_chain"
    ),
    "a successor that nobody signed, for who pinned it": Attack(
        _keys(lambda keys: keys[1].update(signature=None)), "delivery.key_chain", pin=NEW_PIN
    ),
    "two successors of one key": Attack(_keys(lambda keys: keys.insert(1, dict(FORGED[1]))), "delivery.key_chain"),
    "a loop": Attack(_keys(lambda keys: keys.insert(1, dict(keys[0]))), "delivery.key_chain"),
    "two keys that sign at once": Attack(
        _keys(lambda keys: keys[0].update(valid_until=AFTER)), "delivery.key_chain", pin=None
    ),
    "a key that never ends": Attack(_keys(lambda keys: keys[0].update(valid_until=None)), "delivery.key_chain"),
    "no key at all": Attack(_keys(list.clear), "delivery.key_chain"),
    "more keys than an installation has": Attack(
        _keys(lambda keys: keys.extend(keys[1] | {"key_id": f"{n:016x}"} for n in range(MAX_KEYS))),
        "delivery.key_chain",
    ),
    "a list of a megabyte": Attack({**ROTATED, "keys.json": KEYS + b" " * (1 << 20)}, "delivery.object_too_large"),
    "another time in the list": Attack(
        {**ROTATED, "keys.json": KEYS.replace(b"2026-03-01T00", b"2026-03-01T01")}, "delivery.signature_invalid"
    ),
    "a list by the old key": Attack({**ROTATED, "keys.json": keys_json(BOTH, SIGNING_KEY)}, "delivery.other_key"),
    "no list after a rotation": Attack(_without_keys(ROTATED), "delivery.other_key"),
    "no list, for who pinned the new key": Attack(_without_keys(ROTATED), "delivery.other_key", pin=NEW_PIN),
    "no list, for who pinned nothing": Attack(_without_keys(ROTATED), "delivery.several_keys", pin=None),
    "no list for a product": Attack(_without_keys(ROTATED), "delivery.several_keys", pin=None, below=PRODUCT),
    "the list of before the rotation": Attack({**ROTATED, "keys.json": OLD_KEYS}, "delivery.other_key"),
    "the list of before, for who pinned the new key": Attack(
        {**ROTATED, "keys.json": OLD_KEYS}, "delivery.other_key", pin=NEW_PIN
    ),
    "the list of before, for who pinned nothing": Attack(
        {**ROTATED, "keys.json": OLD_KEYS}, "delivery.other_key", pin=None
    ),
    "all of before the rotation, for who saw it": Attack(UNROTATED, "delivery.other_key", STATE, pin=None),
    "an index by the old key after the rotation": Attack(
        {**ROTATED, "index.json": _index(SIGNING_KEY)}, "delivery.key_not_valid"
    ),
    "an index by the new key before the rotation": Attack(
        {**ROTATED, "index.json": _index(NEXT_KEY, BEFORE)}, "delivery.key_not_valid"
    ),
    "an index that a thief dated back, for who saw the new key": Attack(
        {**ROTATED, "index.json": _index(SIGNING_KEY, BEFORE, sequence=9)}, "delivery.key_not_valid", STATE
    ),
    "a pinned key that is revoked": Attack({**ROTATED, "keys.json": REVOKED}, "delivery.key_revoked"),
    "a remembered key that is revoked": Attack(
        {**ROTATED, "keys.json": REVOKED}, "delivery.key_revoked", ("--state", "unrotated.json"), pin=None
    ),
    "an index by a revoked key": Attack(
        {**ROTATED, "keys.json": REVOKED, "index.json": _index(SIGNING_KEY, BEFORE)},
        "delivery.key_revoked",
        pin=NEW_PIN,
    ),
    "a product with a revoked key's delivery": Attack(
        {**ROTATED, "keys.json": REVOKED}, "delivery.key_revoked", pin=NEW_PIN, below=PRODUCT
    ),
    "one delivery by a revoked key": Attack(
        {**ROTATED, "keys.json": REVOKED}, "delivery.key_revoked", pin=None, below=OLD_DAY.path.folder
    ),
    "a delivery by a thief's key": Attack(
        {**ROTATED, **placed(rendered(release_view(date(2026, 3, 3)), grant=grant_view("Z01"), key=THIEFS_KEY))},
        "delivery.other_key",
        pin=None,
    ),
}
"""Beside each attack the code of its refusal."""
