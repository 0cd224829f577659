"""Atomic operations and prefetch on array elements, as LLVM instructions.

numba has none of these for the CPU. Each is one instruction (or one `lock`-prefixed one): no
locks, no calls. Indices are not checked.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _pointer(context, builder, array_type, array_value, index_type, index_value):
    array = context.make_array(array_type)(context, builder, array_value)
    index = context.cast(builder, index_value, index_type, types.intp)
    return cgutils.get_item_pointer(
        context, builder, array_type, array, [index], wraparound=False, boundscheck=False
    )


@intrinsic
def atomic_add(typingctx, array, index, value):
    """array[index] += value; returns what stood there before."""

    def codegen(context, builder, signature, args):
        array_type, index_type, value_type = signature.args
        pointer = _pointer(context, builder, array_type, args[0], index_type, args[1])
        amount = context.cast(builder, args[2], value_type, array_type.dtype)
        return builder.atomic_rmw("add", pointer, amount, "monotonic")

    return array.dtype(array, index, value), codegen


@intrinsic
def compare_and_swap(typingctx, array, index, expected, desired):
    """Put `desired` where `expected` stands; returns what stood there (expected: it was done)."""

    def codegen(context, builder, signature, args):
        array_type, index_type, expected_type, desired_type = signature.args
        pointer = _pointer(context, builder, array_type, args[0], index_type, args[1])
        expected = context.cast(builder, args[2], expected_type, array_type.dtype)
        desired = context.cast(builder, args[3], desired_type, array_type.dtype)
        result = builder.cmpxchg(pointer, expected, desired, "acq_rel", "monotonic")
        return builder.extract_value(result, 0)

    return array.dtype(array, index, expected, desired), codegen


@intrinsic
def load(typingctx, array, index):
    """array[index], read now: the compiler may not keep an older value in a register."""

    def codegen(context, builder, signature, args):
        array_type, index_type = signature.args
        pointer = _pointer(context, builder, array_type, args[0], index_type, args[1])
        return builder.load_atomic(pointer, "monotonic", array_type.dtype.bitwidth // 8)

    return array.dtype(array, index), codegen


@intrinsic
def store(typingctx, array, index, value):
    """array[index] = value, after everything this thread has written before it."""

    def codegen(context, builder, signature, args):
        array_type, index_type, value_type = signature.args
        pointer = _pointer(context, builder, array_type, args[0], index_type, args[1])
        value = context.cast(builder, args[2], value_type, array_type.dtype)
        builder.store_atomic(value, pointer, "release", array_type.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of array[index]; an index past the end is harmless."""

    def codegen(context, builder, signature, args):
        array_type, index_type = signature.args
        pointer = _pointer(context, builder, array_type, args[0], index_type, args[1])
        byte = ir.IntType(8).as_pointer()
        flag = ir.IntType(32)
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        )
        # read, keep in all levels, data
        builder.call(function, [builder.bitcast(pointer, byte), flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, index), codegen
