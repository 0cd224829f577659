"""Edges on the lines of a text: checked and read in one walk over the bytes.

A number that is plain enough is put together here, to the bit what strtod makes of it: a mantissa
below 2^53, times or through a power of ten that float64 holds. The C library reads the others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from kernels.compile import njit

_strtod = types.ExternalFunction("strtod", types.float64(types.uintp, types.uintp))

_NEWLINE, _SPACE, _PLUS, _MINUS, _DOT = 10, 32, 43, 45, 46
_LARGEST = np.uint64(2**63 - 1)
_TENTH = np.uint64((2**63 - 1) // 10)
_EXACT = np.uint64(2**53)
_POWERS = tuple(10.0**k for k in range(23))


class Form(NamedTuple):
    """What a line looks like.

    lead               the byte before the numbers, 0: none
    comma              the byte between numbers, 0: blanks
    comment, comment2  what a comment line starts with
    columns            numbers on a line: an id, two ids, two ids and a weight, and more behind
    first_id, last_id  ids allowed
    """

    lead: int
    comma: int
    comment: int
    comment2: int
    columns: int
    first_id: int
    last_id: int


class Edges(NamedTuple):
    """What was read: int64 and float64 (k,). A block of k lines has at most k edges.

    whole   weights that are written as integers and are below 2^63
    real    every weight
    end     int64 (1,), for strtod
    """

    src: np.ndarray
    dst: np.ndarray
    whole: np.ndarray
    real: np.ndarray
    end: np.ndarray


_part = njit(cache=True, _nrt=False, nogil=True)


@_part
def _blanks(text, i):
    """Where the blanks from i on end: space, tab, vertical tab, form feed."""
    while text[i] == _SPACE or text[i] == 9 or text[i] == 11 or text[i] == 12:
        i += 1
    return i


@_part
def _ends(text, i, comma):
    """Does a word end at i?"""
    c = text[i]
    return c == _SPACE or 9 <= c <= 12 or (comma != 0 and c == comma)


@_part
def _to_next(text, i, comma):
    """Where the next word of the line begins; -1 where there is none."""
    i = _blanks(text, i)
    if comma != 0:
        if text[i] != comma:
            return -1
        i = _blanks(text, i + 1)
    return i


@_part
def _digits(text, i):
    """A whole number at i: its end and its value, 2^63 where it is larger than 2^63 - 1."""
    value = np.uint64(0)
    while 48 <= text[i] <= 57:
        digit = np.uint64(text[i] - 48)
        if value > _TENTH or np.uint64(10) * value + digit > _LARGEST:
            value = _LARGEST + np.uint64(1)
        else:
            value = np.uint64(10) * value + digit
        i += 1
    return i, value


@_part
def _id(text, i, form):
    """An id at i: its end, -1 where there is none that is allowed, and its value."""
    minus = text[i] == _MINUS
    if minus or text[i] == _PLUS:
        i += 1
    end, value = _digits(text, i)
    ok = end > i and _ends(text, end, form.comma) and value <= _LARGEST
    number = np.int64(value) if value <= _LARGEST else np.int64(0)
    if minus and number != 0:
        ok = False
    if not (ok and form.first_id <= number <= form.last_id):
        return -1, np.int64(0)
    return end, number


@_part
def _mantissa(text, i):
    """Digits with or without a point at i: their end, the number without the point, its power.

    And whether that is all: no digit left out, one of them at least, no point.
    """
    mantissa, digits, power = np.uint64(0), 0, 0
    exact, point = True, False
    while 48 <= text[i] <= 57 or (text[i] == _DOT and not point):
        if text[i] == _DOT:
            point = True
        else:
            digits += 1
            if mantissa < _EXACT:
                mantissa = np.uint64(10) * mantissa + np.uint64(text[i] - 48)
                power -= point
            else:
                exact = False
        i += 1
    return i if digits > 0 else -1, mantissa, power, exact, not point


@_part
def _exponent(text, i):
    """What may follow a mantissa: its end, -1 where it is not an exponent, and its value."""
    if text[i] != 101 and text[i] != 69:  # e, E
        return i, np.int64(0)
    i += 1
    down = text[i] == _MINUS
    if down or text[i] == _PLUS:
        i += 1
    end, value = _digits(text, i)
    power = np.int64(min(value, np.uint64(10000)))
    return end if end > i else -1, -power if down else power


@_part
def _real(text, start, end, address, end_of):
    """The number between start and end as the C library reads it, -1.0 if it does not."""
    real = _strtod(np.uintp(address + start), np.uintp(end_of.ctypes.data))
    # In a locale with another point it stops there.
    return real if end_of[0] == address + end else -1.0


@_part
def _weight(text, i, address, end_of, comma):
    """A weight at i: its end, -1 where there is none allowed, its whole value and its real one.

    The whole value is -1 where there is a point or an exponent, -2 where it is too large.
    """
    minus = text[i] == _MINUS
    if minus or text[i] == _PLUS:
        i += 1
    end, mantissa, power, exact, is_whole = _mantissa(text, i)
    end, more = _exponent(text, end) if end >= 0 else (end, np.int64(0))
    if end < 0 or not _ends(text, end, comma):
        return -1, np.int64(-1), 0.0
    whole = np.int64(-1)
    stop, value = _digits(text, i)
    if is_whole and stop == end:
        whole = np.int64(value) if value <= _LARGEST else np.int64(-2)
    power += more
    if whole >= 0:
        real = np.float64(whole)
    elif exact and mantissa <= _EXACT and -22 <= power <= 22:
        real = np.float64(mantissa)
        real = real / _POWERS[-power] if power < 0 else real * _POWERS[power]
    else:
        real = _real(text, i, end, address, end_of)
    ok = 0 <= real < np.inf and not (minus and real > 0)
    return end if ok else -1, whole, real


@_part
def _line(text, i, count, address, form, out):
    """An edge at i: its end, -1 where there is none, and the whole value of its weight."""
    whole = np.int64(0)
    i, out.src[count] = _id(text, i, form)
    for column in range(1, form.columns):
        if i >= 0:
            i = _to_next(text, i, form.comma)
        if i < 0:
            return -1, whole
        if column == 1:
            i, out.dst[count] = _id(text, i, form)
        elif column == 2:
            i, whole, real = _weight(text, i, address, out.end, form.comma)
            out.whole[count], out.real[count] = whole, real
        else:  # what is behind the weight is not looked at
            start = i
            while not _ends(text, i, form.comma):
                i += 1
            i = i if i > start else -1
    if i >= 0:
        i = _blanks(text, i)
    return i if i >= 0 and text[i] == _NEWLINE else -1, whole


@_part
def _skipped(text, i, form):
    """Where the line ends if it is blank, at i, or a comment; else -1."""
    if text[i] == form.comment or text[i] == form.comment2:
        while text[i] != _NEWLINE:
            i += 1
    return i if text[i] == _NEWLINE else -1


@njit(cache=True, _nrt=False, nogil=True)
def parse(text, address, form, out):
    """Read edges from lines, to the first line that is not an edge.

    Parameters
    ----------
    text : uint8 (size,)
        Whole lines, the last one ending in a newline, too.
    address : int
        Of the text's first byte.
    form : Form
    out : Edges
        As many of each as there are lines at least; the edges are put here. Where there is one
        more edge than fits, its line counts as none.

    Returns
    -------
    count, stopped, real, large : int
        Edges read; where the line begins that is no edge, the text's size where there is none; the
        first lines with a weight that is not written as an integer, and with an integer from 2^63
        on, -1 where there is none.
    """
    count, first_real, first_large = 0, -1, -1
    at = 0
    while at < len(text):
        i = _blanks(text, at)
        end = _skipped(text, i, form)
        if end < 0:
            if count == len(out.src):
                break
            if form.lead != 0:
                if text[i] != form.lead or not _ends(text, i + 1, 0):
                    break
                i = _blanks(text, i + 1)
            end, whole = _line(text, i, count, address, form, out)
            if end < 0:
                break
            if whole == -1 and first_real < 0:
                first_real = at
            if whole == -2 and first_large < 0:
                first_large = at
            count += 1
        at = end + 1
    return count, at, first_real, first_large
