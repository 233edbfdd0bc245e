"""A word that must never leave the landing, and a search that finds it in whatever form it got out."""

import base64
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TOKEN = "kanarievogel7q"
"""Part of every canary's text; long enough to be no accident in random bytes."""
NUMBER = 4915199907531
"""An id that looks like a number, and could be kept as one."""
_ZSTD, _GZIP, _PARQUET = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PAR1"
_DEPTH = 3


def found(root: Path, forms: tuple[bytes, ...] = ()) -> list[str]:
    """Files under a folder, or the one file, whose name or bytes hold a canary (or other forms)."""
    files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
    return [str(path) for path in files if TOKEN in path.name.lower() or holds(path.read_bytes(), forms)]


def holds(content: bytes, forms: tuple[bytes, ...] = ()) -> bool:
    """Whether bytes, or what they hold compressed, have a canary in plain, encoded or binary form."""
    forms = forms or FORMS
    return any(form in view for view in _views(content, _DEPTH) for form in forms)


def forms_of(text: str) -> tuple[bytes, ...]:
    """The text as UTF-8, UTF-16, hexadecimal and base64 at any offset, all in lower case."""
    plain = text.encode()
    wide = (text.encode("utf-16-le"), text.encode("utf-16-be"))
    return (plain, *wide, plain.hex().encode(), *_base64(plain), *(form for each in wide for form in _base64(each)))


def forms_of_number(number: int) -> tuple[bytes, ...]:
    """An integer of eight bytes in both orders, and written out."""
    return (*(number.to_bytes(8, order) for order in ("little", "big")), *forms_of(str(number)))


def _base64(plain: bytes) -> tuple[bytes, ...]:
    """What is sure to stand in the base64 of anything that holds the text, whatever its offset."""
    forms = []
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + plain).rstrip(b"=")
        sure = encoded[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        forms.append(sure.lower())
    return tuple(forms)


def _views(content: bytes, depth: int) -> Iterator[bytes]:
    """The bytes as they are and in lower case, and whatever is packed in them."""
    yield content
    yield content.lower()
    if depth:
        for inner in _unpacked(content):
            yield from _views(inner, depth - 1)


def _unpacked(content: bytes) -> Iterator[bytes]:
    if content.startswith(_PARQUET):
        with suppress(pa.ArrowException, OSError):
            yield _rows(content)
    for magic, unpack in ((_GZIP, _ungzip), (_ZSTD, _unzstd)):
        start = content.find(magic)
        while start >= 0:  # a packed stream may lie anywhere in a file, as in a store's volumes
            inner = unpack(content[start:])
            if inner:
                yield inner
            start = content.find(magic, start + 1)


def _rows(content: bytes) -> bytes:
    """Every value and all metadata of a Parquet file."""
    table = pq.ParquetFile(io.BytesIO(content)).read()
    plain = pa.BufferOutputStream()
    with pa.ipc.new_stream(plain, table.schema) as stream:
        stream.write_table(table.unify_dictionaries())
    return bytes(plain.getvalue())


def _ungzip(content: bytes) -> bytes:
    """As much as can be had of a gzip stream, which may be cut."""
    stream = zlib.decompressobj(wbits=31)
    with suppress(zlib.error):
        return stream.decompress(content)
    return b""


def _unzstd(content: bytes) -> bytes:
    parts = []
    with suppress(pa.ArrowException, OSError), pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        while part := stream.read(1 << 16):
            parts.append(part)
    return b"".join(parts)


def gzipped(content: bytes) -> bytes:
    """A gzip stream."""
    return gzip.compress(content)


FORMS = (*forms_of(TOKEN), *forms_of_number(NUMBER))
