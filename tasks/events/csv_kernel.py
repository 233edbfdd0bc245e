"""CSV fields in one pass over bytes. Each physical line is read alone: no line changes how another one is read.

A line is a row if it is valid UTF-8 of at most LONGEST_LINE bytes with the right number of fields (RFC 4180). It has no
NUL, CR only before its LF, and closes each quote. The plain twin is in tests/reference_csv.py.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.events.jit import kernel
from tasks.events.packed_key import Int64

LONGEST_LINE = 1 << 16
"""Bytes of a line without its LF; a longer one is no row."""

_NUL, _LF, _CR, _QUOTE = 0, 10, 13, 34
_START, _PLAIN, _QUOTED, _CLOSED = 0, 1, 2, 3
"""The position of a byte: before a field, in it, in its quotes, after them."""

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]


@kernel
def parse(
    data: Bytes, line: int, separator: int, places: Int64, values: Bytes, ends: Offsets, good: Int64, bad: Int64
) -> tuple[int, int]:
    """Fill `good` and `bad` with the numbers of the lines that are rows and those that are not; returns how many.

    `data`: whole lines, each with its LF; the first has the number `line`. `places`: of each field, the row of
    `values` (bytes, one value after another) and `ends` (offsets, beginning with 0) that takes it, or -1.
    """
    rows, faults, at = 0, 0, 0
    while at < len(data):
        begin, field, state, ascii_only, fault = at, 0, _START, True, False
        place = places[0]
        end = ends[place, rows] if place >= 0 else 0
        while data[at] != _LF:
            byte = data[at]
            keep = False
            if byte == _NUL or (byte == _CR and data[at + 1] != _LF):
                fault = True
            elif byte == _CR:
                pass
            elif state == _QUOTED:
                keep = byte != _QUOTE
                state = _QUOTED if keep else _CLOSED
            elif byte == separator:
                if place >= 0:
                    ends[place, rows + 1] = end
                field, state = field + 1, _START
                place = places[field] if field < len(places) else -1
                end = ends[place, rows] if place >= 0 else 0
            elif byte == _QUOTE:
                fault |= state == _PLAIN
                keep = state == _CLOSED  # a doubled quote within quotes
                state = _QUOTED
            else:
                fault |= state == _CLOSED
                keep, state = True, _PLAIN
            if keep and place >= 0:
                values[place, end] = byte
                end += 1
            ascii_only &= byte < 0x80
            at += 1
        if place >= 0:
            ends[place, rows + 1] = end
        length = at - begin
        at += 1
        if length - (length > 0 and data[begin + length - 1] == _CR) > 0:
            fault |= state == _QUOTED or field + 1 != len(places) or length > LONGEST_LINE
            if fault or not (ascii_only or is_utf8(data, begin, begin + length)):
                bad[faults], faults = line, faults + 1
            else:
                good[rows], rows = line, rows + 1
        line += 1
    return rows, faults


@kernel
def is_utf8(data: Bytes, at: int, stop: int) -> bool:
    """Whether bytes are UTF-8 (Unicode 15, table 3-7): no overlong form, no surrogate, nothing beyond U+10FFFF."""
    while at < stop:
        first = data[at]
        length = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        if 0x80 <= first < 0xC2 or first > 0xF4 or at + length > stop:
            return False
        low, high = 0x80, 0xBF
        if length > 2:
            low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else low
            high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else high
        for n in range(1, length):
            if not low <= data[at + n] <= high:
                return False
            low, high = 0x80, 0xBF
        at += length
    return True
