"""keys.json: whose signatures count, by what the reader knows; every broken chain is refused."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.deliverable.key_history import (
    Statement,
    first_statement,
    keys_json,
    with_former_revoked,
    with_successor,
)
from tasks.deliverable.signature import public_key, signed
from tasks.deliverable.verifier.key_chain import MAX_KEYS, Trust, check_issuer, trusted
from tasks.deliverable.verifier.signatures import key_id
from tasks.deliverable.verifier.untrusted import VerificationError, parse

PRIVATE = [bytes([number]) * 32 for number in range(1, 6)]
PUBLIC = [public_key(private) for private in PRIVATE]
IDS = [key_id(public) for public in PUBLIC]


def at(day: int) -> datetime:
    return datetime(2026, 3, day, 9, tzinfo=UTC)


def history(keys: Sequence[bytes] = PRIVATE[:3], revoked_before: int = 0) -> list[Statement]:
    """Each key follows the one before a day later; all before one of them may be revoked."""
    statements: list[Statement] = [first_statement(keys[0], at(1))]
    for number in range(1, len(keys)):
        statements = with_successor(statements, keys[number - 1], keys[number], at(number + 1))
        if number == revoked_before:
            statements = with_former_revoked(statements)
    return statements


def chain(keys: Sequence[bytes] = PRIVATE[:3], revoked_before: int = 0) -> bytes:
    return keys_json(history(keys, revoked_before), keys[-1])


def changed(change: Callable[[list[dict[str, Any]]], object], private: bytes = PRIVATE[2]) -> bytes:
    """The chain of three keys, changed, and signed again by its newest key: what only its holder can do."""
    statements = [dict(statement) for statement in history()]
    change(statements)
    return keys_json(statements, private)


def refused(code: str, content: bytes | None, pinned: bytes | None = PUBLIC[0], seen: bytes | None = None) -> str:
    with pytest.raises(VerificationError) as fault:
        trusted(content, pinned, seen)
    assert fault.value.code == code, fault.value
    return str(fault.value)


@pytest.mark.parametrize("pinned", [*PUBLIC[:3], None])
@pytest.mark.parametrize("seen", [*PUBLIC[:3], None])
def test_from_any_key_of_the_chain_all_of_it_is_trusted(pinned: bytes | None, seen: bytes | None) -> None:
    trust = trusted(chain(), pinned, seen)
    assert trust.known == dict(zip(IDS[:3], PUBLIC[:3], strict=True))
    assert not any(map(trust.is_revoked, IDS[:3]))


def test_without_keys_json_the_readers_own_key_alone_counts() -> None:
    assert trusted(None, PUBLIC[0], PUBLIC[0]).known == {IDS[0]: PUBLIC[0]}
    refused("delivery.other_key", None, PUBLIC[0], PUBLIC[1])
    assert trusted(None, None, PUBLIC[1]).known == {IDS[1]: PUBLIC[1]}
    assert trusted(None, None, None).known == {}


@pytest.mark.parametrize(("pinned", "seen"), [(PUBLIC[3], None), (None, PUBLIC[3]), (PUBLIC[2], PUBLIC[3])])
def test_a_chain_that_does_not_hold_the_readers_key_is_refused(pinned: bytes | None, seen: bytes | None) -> None:
    assert IDS[3] in refused("delivery.other_key", chain(), pinned, seen)


def test_a_chain_older_than_the_key_seen_before_is_refused() -> None:
    refused("delivery.other_key", chain(PRIVATE[:1]), PUBLIC[0], PUBLIC[1])


@pytest.mark.parametrize(
    ("pinned", "seen"), [(PUBLIC[0], None), (PUBLIC[1], None), (None, PUBLIC[1]), (PUBLIC[0], PUBLIC[2])]
)
def test_a_reader_whose_key_or_a_key_after_it_is_revoked_is_told_to_get_the_new_one(
    pinned: bytes | None, seen: bytes | None
) -> None:
    told = refused("delivery.key_revoked", chain(PRIVATE[:4], revoked_before=2), pinned, seen)
    assert "another channel" in told


@pytest.mark.parametrize(
    ("pinned", "seen"),
    [(PUBLIC[2], None), (PUBLIC[2], PUBLIC[0]), (PUBLIC[3], PUBLIC[1]), (None, PUBLIC[2]), (None,) * 2],
)
def test_a_reader_of_the_new_key_knows_which_ones_are_revoked(pinned: bytes | None, seen: bytes | None) -> None:
    trust = trusted(chain(PRIVATE[:4], revoked_before=2), pinned, seen)
    assert [trust.is_revoked(name) for name in trust.known] == [True, True, False, False]


def _forged(statements: list[dict[str, Any]]) -> None:
    """A thief of the first key makes a second one of its own."""
    forged = with_successor([{**statements[0], "valid_until": None}], PRIVATE[0], PRIVATE[3], at(2))
    statements[1:] = map(dict, forged[1:])


CONTRADICTIONS: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "a successor that its predecessor did not sign": lambda keys: keys[2].update(signature="0" * 128),
    "a successor without a signature": lambda keys: keys[2].update(signature=None),
    "a first key that another one signed": lambda keys: keys[0].update(signature=keys[1]["signature"]),
    "a key that was left out": lambda keys: keys.pop(1),
    "a key twice: a loop": lambda keys: keys.insert(1, dict(keys[0])),
    "two successors of one key": lambda keys: keys.insert(
        1, dict(with_successor(history(PRIVATE[:1]), PRIVATE[0], PRIVATE[4], at(2))[1])
    ),
    "another order": lambda keys: keys.reverse(),
    "an id that is another key's": lambda keys: keys[1].update(key_id=IDS[3]),
    "another public key under the same id": lambda keys: keys[1].update(public_key=PUBLIC[3].hex()),
    "a time that was not signed": lambda keys: (
        keys[1].update(valid_from="2026-03-01T10:00:00Z"),
        keys[0].update(valid_until="2026-03-01T10:00:00Z"),
    ),
    "a key that ends before the next one begins": lambda keys: keys[0].update(valid_until="2026-03-01T10:00:00Z"),
    "a replaced key that does not end": lambda keys: keys[0].update(valid_until=None),
    "a newest key that ends": lambda keys: keys[2].update(valid_until="2026-03-09T10:00:00Z"),
    "a newest key that is revoked": lambda keys: keys[2].update(revoked=True),
    "a word in place of a revocation": lambda keys: keys[0].update(revoked="no"),
    "no key": lambda keys: keys.clear(),
    "too many keys": lambda keys: keys.extend({**keys[2], "key_id": f"{number:016x}"} for number in range(MAX_KEYS)),
}


@pytest.mark.parametrize("pinned", [PUBLIC[0], PUBLIC[2], None])
@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_chain_that_contradicts_itself_is_refused_whoever_signed_it(contradiction: str, pinned: bytes | None) -> None:
    refused("delivery.key_chain", changed(CONTRADICTIONS[contradiction]), pinned)


@pytest.mark.parametrize(
    "change",
    [{"valid_from": "tomorrow"}, {"valid_from": 1}, {"public_key": "ff"}, {"key_id": "../x"}, {"signature": 1}],
)
def test_a_statement_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    refused("delivery.document_invalid", changed(lambda keys: keys[1].update(change)))


def test_a_key_that_ends_before_it_begins_is_refused() -> None:
    early, late = "2026-03-01T09:00:00Z", "2026-03-05T09:00:00Z"
    first = {**first_statement(PRIVATE[0], at(5)), "valid_until": early}
    second = {**with_successor(history(PRIVATE[:1]), PRIVATE[0], PRIVATE[1], at(1))[1]}
    assert (first["valid_from"], second["valid_from"]) == (late, early)
    refused("delivery.key_chain", keys_json([first, second], PRIVATE[1]))


def test_a_list_that_its_newest_key_did_not_sign_is_refused() -> None:
    refused("delivery.other_key", keys_json(history(), PRIVATE[1]))
    refused("delivery.signature_invalid", chain().replace(b"2026-03-01", b"2026-02-28"))
    document = json.loads(chain())
    refused("delivery.signature_invalid", json.dumps(document).encode())


def test_a_thief_of_the_old_key_reaches_who_pinned_it_but_nobody_who_saw_the_new_one() -> None:
    forged = changed(_forged, PRIVATE[3])
    assert trusted(forged, PUBLIC[0], None).known.keys() == {IDS[0], IDS[3]}  # until the client hears of it
    for pinned, seen in ((PUBLIC[1], None), (PUBLIC[0], PUBLIC[1]), (None, PUBLIC[2])):
        refused("delivery.other_key", forged, pinned, seen)


def issued(trust: Trust, seen: bytes | None, day: int, *keys: bytes) -> bytes:
    content = signed({"issued_at": f"2026-03-{day:02}T12:00:00Z"}, *keys)
    return check_issuer(parse(content, {}, "index.json"), content, trust, seen, "index.json")


def test_a_document_is_issued_by_the_newest_key_that_signed_it() -> None:
    trust = trusted(chain(), PUBLIC[0], None)
    assert issued(trust, None, 5, PRIVATE[2]) == PUBLIC[2]
    assert issued(trust, PUBLIC[2], 5, PRIVATE[2]) == PUBLIC[2]
    assert issued(trust, None, 1, PRIVATE[0]) == PUBLIC[0], "killed between keys.json and index"
    assert issued(trusted(None, PUBLIC[0], None), None, 1, PRIVATE[0]) == PUBLIC[0]


@pytest.mark.parametrize(
    ("day", "key", "seen", "code"),
    [
        (5, 3, None, "delivery.other_key"),
        (5, 0, None, "delivery.key_not_valid"),
        (1, 2, None, "delivery.key_not_valid"),
        (1, 0, PUBLIC[1], "delivery.key_not_valid"),
    ],
)
def test_a_document_by_a_key_that_did_not_sign_then_is_refused(
    day: int, key: int, seen: bytes | None, code: str
) -> None:
    with pytest.raises(VerificationError) as fault:
        issued(trusted(chain(), PUBLIC[0], None), seen, day, PRIVATE[key])
    assert fault.value.code == code


def test_a_document_by_a_revoked_key_is_refused_unless_a_good_key_signed_it_too() -> None:
    trust = trusted(chain(PRIVATE[:2], revoked_before=1), PUBLIC[1], None)
    with pytest.raises(VerificationError) as fault:
        issued(trust, None, 1, PRIVATE[0])
    assert fault.value.code == "delivery.key_revoked"
    assert issued(trust, None, 5, *PRIVATE[:2]) == PUBLIC[1]
