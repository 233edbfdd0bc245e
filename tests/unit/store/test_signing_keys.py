"""The key store of signatures: which key signs, whatever is killed, lost or read meanwhile."""

from pathlib import Path

import pytest

from tasks.store.signing_keys import SigningKeys
from tests.refusals import refused

FIRST, SECOND = {"key_id": "1"}, {"key_id": "2"}


@pytest.fixture
def signing(tmp_path: Path) -> SigningKeys:
    keys = SigningKeys(tmp_path / "keys" / "signing")
    keys.open()
    return keys


@pytest.fixture
def rotated(signing: SigningKeys) -> SigningKeys:
    """A store whose second key signs."""
    signing.current()
    signing.state_first(FIRST)
    signing.prepare()
    signing.replace([FIRST, SECOND], None)
    signing.destroy_former()
    return signing


def _file(keys: SigningKeys, name: str) -> Path:
    return Path(keys.objects.location) / name


def test_a_signing_key_is_made_by_the_first_who_signs(signing: SigningKeys) -> None:
    assert not signing.made
    assert signing.current() == signing.current()
    assert signing.made


def test_the_one_key_of_an_older_installation_goes_on_signing(signing: SigningKeys) -> None:
    _file(signing, "signing.key").write_bytes(bytes(32))
    assert (signing.ring().private, signing.ring().statements) == (bytes(32), ())


def test_a_first_key_is_stated_once(signing: SigningKeys) -> None:
    signing.current()
    for statement in (FIRST, SECOND):
        signing.state_first(statement)
    assert signing.ring().statements == [FIRST]


def test_a_key_signs_only_once_it_is_stated_and_then_the_former_one_is_destroyed(signing: SigningKeys) -> None:
    before = signing.current()
    signing.state_first(FIRST)
    new = signing.prepare()
    assert signing.prepare() == new != before == signing.current()
    signing.replace([FIRST, SECOND], {"revoke": False})
    assert (signing.current(), signing.ring().rotation) == (new, {"revoke": False})
    signing.destroy_former()
    assert [path.name for path in Path(signing.objects.location).glob("*.key")] == ["signing-2.key"]
    assert SigningKeys(Path(signing.objects.location)).current() == new
    assert new.hex() not in repr(signing.ring())
    assert repr(new) not in repr(signing.ring())


@pytest.mark.parametrize("content", [b"short", None])
def test_a_damaged_or_lost_signing_key_is_named_and_not_replaced(rotated: SigningKeys, content: bytes | None) -> None:
    file = _file(rotated, "signing-2.key")
    file.write_bytes(content) if content else file.unlink()
    with refused("keys.damaged" if content else "keys.signing_damaged") as fault:
        rotated.current()
    assert "signing-2.key" in fault.value.what
    assert not _file(rotated, "signing.key").exists()


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"keys": [], "rotation": null}', b'{"keys": [{}]}'])
def test_lost_or_damaged_statements_begin_no_new_history(rotated: SigningKeys, content: bytes | None) -> None:
    file = _file(rotated, "statements.json")
    file.write_bytes(content) if content is not None else file.unlink()
    with refused("keys.signing_damaged"):
        rotated.current()
    assert not _file(rotated, "signing.key").exists()


def test_who_reads_while_a_rotation_ends_gets_the_new_key(
    signing: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.current()
    signing.state_first(FIRST)
    new, read = signing.prepare(), signing._read

    def rotation_ends_first(name: str) -> bytes:
        monkeypatch.setattr(signing, "_read", read)
        signing.replace([FIRST, SECOND], None)
        signing.destroy_former()
        return read(name)

    monkeypatch.setattr(signing, "_read", rotation_ends_first)
    assert (signing.ring().private, signing.ring().statements) == (new, [FIRST, SECOND])
