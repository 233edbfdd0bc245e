"""`throng keys export` writes the public key where it is asked to, and destroys no other file."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app

PUBLIC = "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"


def _export(file: Path) -> tuple[int, str]:
    ran = CliRunner().invoke(app, ["keys", "export", str(file)])
    return ran.exit_code, " ".join(ran.output.split())


def test_an_export_writes_a_key_and_replaces_a_former_one(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "client-key.pem"
    assert _export(file)[0] == 0
    key = file.read_text()
    file.write_text(PUBLIC)
    assert _export(file)[0] == 0
    assert file.read_text() == key == (home / "throng-public.pem").read_text()


@pytest.mark.parametrize(
    "content", ["", "operator notes", PUBLIC.replace("PUBLIC", "PRIVATE"), f"{PUBLIC}{PUBLIC.replace('PUBLIC', 'EC')}"]
)
def test_an_export_overwrites_nothing_but_a_public_key(home: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "client.toml"
    file.write_text(content)
    code, said = _export(file)
    assert (code, file.read_text()) == (2, content)
    assert "usage.not_a_public_key" in said
    assert "is not a public key" in said
    assert not home.exists(), "no key is made either"


def test_an_export_does_not_replace_a_folder(home: Path, tmp_path: Path) -> None:
    assert _export(tmp_path)[0] == 2
