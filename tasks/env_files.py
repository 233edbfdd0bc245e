"""Read settings from a home's `env` and from `.env` of the current folder; refuse files that other users can write.

Shells read a home's `env` too: a line is `export NAME=VALUE`; nothing in it is expanded.
"""

import os
import re
import shlex
import stat
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator
from io import StringIO
from itertools import takewhile
from pathlib import Path

from dotenv import dotenv_values

from tasks.errors import Misconfigured

ROOT = 0
WRITABLE = stat.S_IWGRP | stat.S_IWOTH
MARKER = ".throng-home"
"""The file that makes the folder which holds it a home of the commands that run there."""

_PATHS = {
    *("THRONG_LANDING", "THRONG_LAKE", "THRONG_POLICY", "THRONG_FORMATS", "THRONG_METRICS"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"),
}


def read(home: Path) -> dict[str, str]:
    """What it says, the last line going first; paths begin in the home, not in the caller's folder.

    Raises Misconfigured where it is open to others, or naming the first line that cannot be read, never its value.
    """
    check_home(home)
    return {name: _placed(home, name, value) for _, name, value in _lines(home) if value}


def others(home: Path, own: Collection[str]) -> list[str]:
    """Its lines as they stand, without those of these names."""
    return [line for line, name, _ in _lines(home) if name not in own]


def dotenv() -> dict[str, str]:
    """What `.env` of the current folder says, which may be anybody's: it can name programs that run as this user.

    Raises Misconfigured where another user than root could have written it.
    """
    file = Path(".env").absolute()
    foreign = f"Read it; then run: chown {os.geteuid()} {file}; or go to another folder."
    open_ = f"Read it; then run: chmod go-w {file}; or go to another folder."
    content = _content(file, WRITABLE, foreign, open_, {os.geteuid(), ROOT})
    try:
        said = dotenv_values(stream=StringIO((content or b"").decode("utf-8-sig")))
    except ValueError as error:
        raise Misconfigured(
            f".env cannot be read ({type(error).__name__}).", "Save it as UTF-8 text.", "settings.env_unreadable"
        ) from None
    return {name: value for name, value in said.items() if value}


def is_home(folder: Path) -> bool:
    """Whether `throng init` made it a home; raises Misconfigured where another user could have."""
    file = folder / MARKER
    foreign = "Go to a folder of your own, or set THRONG_HOME."
    return _content(file, WRITABLE, foreign, f"Run: chmod go-w {file}; or go to another folder.") is not None


def sqlite_url(file: Path) -> str:
    """The URL of an SQLite file; signs that would end a URL's path are escaped."""
    return "sqlite:///" + str(file).translate({ord(sign): f"%{ord(sign):02X}" for sign in "%?#"})


def check_home(home: Path) -> None:
    """Raise Misconfigured where others could exchange what a home holds, as its keys."""
    path = home.absolute()
    if path.exists() and path.stat().st_mode & WRITABLE:
        raise Misconfigured(
            f"The home {path} can be written to by other users.", f"Run: chmod go-w {path}", "settings.home_open"
        )


def _lines(home: Path) -> Iterator[tuple[str, str, str]]:
    """Each raw line with its name and value."""
    file = home.absolute() / "env"
    private = stat.S_IRWXG | stat.S_IRWXO  # it holds passwords
    content = _content(file, private, "Run the command as the home's owner.", f"Run: chmod go= {file}") or b""
    for number, line in enumerate(content.removeprefix(BOM_UTF8).splitlines(), 1):
        try:
            text = line.decode()
            name, value = _assigned(text)
        except ValueError:
            what = f"{file}, line {number}, is not NAME=VALUE in UTF-8, quoted as for a shell."
            raise Misconfigured(what, "Correct or remove that line.", "settings.env_unreadable") from None
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
        inside = sqlite_url(home.absolute()).removeprefix("sqlite:///")
        return re.sub(r"^sqlite(\+\w+)?:///(?=[^/:])", lambda scheme: f"{scheme[0]}{inside}/", value)
    return value


def _content(file: Path, closed: int, foreign: str, open_: str, owners: Collection[int] | None = None) -> bytes | None:
    """The bytes of a file, None without one; raises Misconfigured for a file of, or open to, other users.

    `closed`: rights that they must not have; `foreign` and `open_`: what to do then; `owners`: this user by default.
    """

    def check(found: os.stat_result) -> None:
        if found.st_uid not in (owners or {os.geteuid()}):
            raise Misconfigured(f"{file} belongs to another user.", foreign, "settings.foreign_owner")
        if found.st_mode & closed and not stat.S_ISLNK(found.st_mode):
            raise Misconfigured(f"{file} is open to other users.", open_, "settings.open_to_others")

    try:
        link, target = file.lstat(), file.stat()
    except OSError:
        return None
    if not stat.S_ISREG(target.st_mode):
        return None
    check(link)
    check(target)
    try:
        with file.open("rb") as opened:
            check(os.fstat(opened.fileno()))  # it may have been exchanged
            return opened.read()
    except OSError as error:
        raise Misconfigured(
            f"{file} cannot be read ({type(error).__name__}).", "Give its owner access.", "settings.env_unreadable"
        ) from None
