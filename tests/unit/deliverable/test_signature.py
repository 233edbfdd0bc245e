"""Keys and signatures."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tasks.deliverable.signature import pem, public_key, sign
from tasks.deliverable.verifier.location import pinned_key
from tasks.deliverable.verifier.signatures import is_signed, key_id, parse_public_key
from tasks.deliverable.verify import translated
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY, document, rendered

PUBLIC = public_key(SIGNING_KEY)


@pytest.mark.parametrize("form", [PUBLIC, pem(PUBLIC).encode(), PUBLIC.hex().encode(), f" {PUBLIC.hex()}\n".encode()])
def test_a_public_key_is_read_as_bytes_hex_or_pem(form: bytes) -> None:
    assert parse_public_key(form) == PUBLIC


def test_a_key_of_another_kind_or_no_key_is_refused_by_its_file(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1()).public_key()
    unheard_of = pem(PUBLIC).replace("MCowBQYDK2VwAyEA", "MCowBQYDK2VjAyEA").encode()
    elliptic = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content in (elliptic, unheard_of, b"", b"\xff", b"00"):
        (tmp_path / "key.pem").write_bytes(content)
        with refused("delivery.key_file"), translated():
            pinned_key(tmp_path / "key.pem")


def test_a_signature_holds_for_its_message_and_key_only() -> None:
    signature = sign(SIGNING_KEY, b"message")
    assert is_signed(PUBLIC, b"message", signature)
    assert not is_signed(PUBLIC, b"other", signature)
    assert not is_signed(public_key(bytes(32)), b"message", signature)
    assert not is_signed(PUBLIC, b"message", b"")
    assert key_id(PUBLIC) != key_id(public_key(bytes(32)))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed here")
def test_the_read_mes_command_for_openssl_accepts_the_signature(tmp_path: Path) -> None:
    delivery = rendered()
    for name in ("README.md", "manifest.json", "manifest.sig"):
        (tmp_path / name).write_bytes(document(delivery, name))
    (tmp_path / "KEY.pem").write_text(pem(PUBLIC))
    command = "openssl pkeyutl -verify -rawin -pubin -inkey KEY.pem -in manifest.json -sigfile manifest.sig"
    assert command in (tmp_path / "README.md").read_text()
    assert subprocess.run(command.split(), cwd=tmp_path, check=False).returncode == 0
