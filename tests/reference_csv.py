"""CSV in plain Python, one physical line at a time: slow and obvious, to compare the real reader with."""

import re

LONGEST = 65_536


def rows(content: bytes, fields: int, separator: str) -> tuple[dict[int, list[str]], list[int]]:
    """The fields of each line that is a row, by line (from 0), and the lines that are none; blank ones are neither."""
    found, faults = {}, []
    for line, raw in enumerate(content.split(b"\n")):
        if raw in (b"", b"\r"):
            continue
        try:
            values = _fields(raw, separator)
        except ValueError:
            values = []
        if len(values) == fields and len(raw) <= LONGEST:
            found[line] = values
        else:
            faults.append(line)
    return found, faults


def _fields(raw: bytes, separator: str) -> list[str]:
    text = raw.removesuffix(b"\r").decode()
    if "\r" in text or "\0" in text:
        raise ValueError("a control character")
    other = re.escape(separator)
    field = rf'(?:"((?:[^"]|"")*)"|([^"{other}]*))'
    if not re.fullmatch(rf"{field}(?:{other}{field})*", text):
        raise ValueError("quotes")
    found = re.findall(rf"(?:^|{other}){field}", text)
    return [quoted.replace('""', '"') or plain for quoted, plain in found]
