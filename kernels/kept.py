"""Named tuples of arrays that a kernel takes by their address.

numba takes a tuple apart wherever Python hands one to a kernel, and each array in it: 20 to 60 us a
call where a search finds nothing of that in the caches. What `kept` returns is laid out in memory
once, as numba lays out the tuple, and a kernel loads it from there.
"""

from __future__ import annotations

import struct
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core import cgutils, datamodel
from numba.extending import NativeValue, unbox

T = TypeVar("T")


class KeptType(types.NamedTuple):
    """The named tuple that a kernel gets; its fields are those of any other."""

    def __init__(self, value: Any):
        super().__init__([typeof(field) for field in value], type(value))
        self.name: str = f"kept {self.name}"


@datamodel.register_default(KeptType)
class _Model(datamodel.models.TupleModel):
    """A kernel hands it on by address, too: as one argument, not one for each of a hundred numbers.

    Nobody counts the owners of its arrays.
    """

    def get_argument_type(self):
        return self.get_value_type().as_pointer()

    def as_argument(self, builder, value):
        with builder.goto_entry_block():
            place = builder.alloca(self.get_value_type())
        builder.store(value, place)
        return place

    def from_argument(self, builder, value):
        return builder.load(value)

    def traverse(self, builder):
        return []


@unbox(KeptType)
def _load(kind, kept, c):
    builder, model = c.builder, c.context.data_model_manager[kind]
    number = c.pyapi.object_getattr_string(kept, "address")
    is_another = cgutils.is_null(builder, number)
    value = cgutils.alloca_once_value(builder, ir.Constant(model.get_value_type(), None))
    with builder.if_then(builder.not_(is_another), likely=True):
        address = c.pyapi.long_as_voidptr(number)
        c.pyapi.decref(number)
        pointer = builder.bitcast(address, model.get_data_type().as_pointer())
        builder.store(model.load_from_data_pointer(builder, pointer), value)
    return NativeValue(builder.load(value), is_error=is_another)


def _layout(fields: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """How numba lays out a tuple, as for `struct`, and the numbers that are there."""
    layout, numbers = "0q", []
    for field in fields:
        if isinstance(field, _Kept):
            inner, words = _layout(field.value)
        elif isinstance(field, np.ndarray):
            # Two owners that nobody counts, then what NumPy has.
            inner, words = f"{5 + 2 * field.ndim}q", [0, 0, field.size, field.itemsize]
            words += [field.ctypes.data, *field.shape, *field.strides]
        else:
            inner, words = np.asarray(field).dtype.char, [field]
        layout += inner
        numbers += words
    return f"{layout}0q", numbers


class _Kept:
    """A named tuple, and the memory in which its fields lie; fields are read as the tuple's."""

    __slots__ = ("_memory", "_numba_type_", "address", "value")

    def __init__(self, value: Any):
        self.value, self._numba_type_ = value, KeptType(value)
        layout, numbers = _layout(value)
        self._memory = np.frombuffer(struct.pack(layout, *numbers), np.uint8)
        self.address = self._memory.ctypes.data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return kept, (self.value,)


def kept(value: T) -> T:
    """Return a named tuple for kernels, which they do not take apart: its type is one of its own.

    Of arrays, numbers, and what this has returned; one of the fields is no smaller than 64 bits.
    The arrays live as long as what is returned.
    """
    return cast("T", _Kept(value))
