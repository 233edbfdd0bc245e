"""A home's own `env`, which shells read too: a line is `export NAME=VALUE`; nothing in it is expanded."""

import os
import re
import shlex
import stat
from collections.abc import Collection, Iterator
from itertools import takewhile
from pathlib import Path

from tasks.errors import Misconfigured

_PATHS = {
    *("THRONG_LANDING", "THRONG_LAKE", "THRONG_POLICY", "THRONG_METRICS"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"),
}


def read(home: Path) -> dict[str, str]:
    """What it says, the last line going first; paths begin in the home, whatever the caller's folder.

    Raises Misconfigured where it is open to others, or naming the first line that cannot be read, never its value.
    """
    return {name: _placed(home, name, value) for _, name, value in _lines(home) if value}


def others(home: Path, own: Collection[str]) -> list[str]:
    """Its lines as they stand, without those of these names."""
    return [line for line, name, _ in _lines(home) if name not in own]


def _lines(home: Path) -> Iterator[tuple[str, str, str]]:
    """Each line as it stands, its name and its value."""
    file = home.absolute() / "env"
    if not _is_private(file):
        return
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read ({type(error).__name__}).", "Give its owner access.") from None
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode()
            name, value = _assigned(text)
        except ValueError:
            what = f"{file}, line {number}, is not NAME=VALUE in UTF-8, quoted as for a shell."
            raise Misconfigured(what, "Mend or remove that line.") from None
        yield text, name, value


def _assigned(line: str) -> tuple[str, str]:
    """Name and value, both empty for a comment; raises ValueError if it is neither."""
    if line.lstrip().startswith("#"):
        return "", ""
    words = shlex.shlex(line, posix=True)
    words.whitespace_split, words.commenters = True, ""  # else a # within a word would begin a comment
    said = list(takewhile(lambda word: not word.startswith("#"), words))
    if not said:
        return "", ""
    (assignment,) = said[said[0] == "export" :]
    name, _, value = assignment.partition("=")
    if not re.fullmatch(r"[A-Za-z_]\w*=[^\0]*", assignment, re.ASCII):
        raise ValueError
    return name, value


def _placed(home: Path, name: str, value: str) -> str:
    if name in _PATHS and "://" not in value:
        return str(home.absolute() / value)
    if name == "THRONG_DATABASE_URL":  # four slashes are an absolute file
        return re.sub(r"^sqlite(\+\w+)?:///(?=[^/:])", lambda scheme: f"{scheme[0]}{home.absolute()}/", value)
    return value


def _is_private(file: Path) -> bool:
    """Whether it is there; raises Misconfigured unless it is this user's alone, for it says where everything is."""
    try:
        status = file.stat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return False
    if status.st_uid != os.geteuid():
        raise Misconfigured(f"{file} belongs to another user.", "Run the command as the home's owner.")
    if status.st_mode & 0o077:
        raise Misconfigured(f"{file} is open to other users.", f"Run: chmod go= {file}")
    return True
