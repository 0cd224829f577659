"""A kernel on all threads at once: one parallel loop, compiled once, which calls any kernel.

What numba makes of a `parallel=True` function for each kernel takes it 1 to 2 s to compile, and
holds the kernel once more. Here the arguments lie on the caller's stack, and the loop gets the
address of a function that reads them there.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.compile import njit, part

# Shares of a pass over an array: more than there are threads, so that few wait at its end.
SHARES = 256

_FLAG = ir.IntType(8)
_TAKES = (types.voidptr, types.int64)  # the arguments' address, the share


@part
def begin(count, share):
    """Where one of SHARES shares of `count` begins; the next one begins where it ends.

    Unsigned, so that no index made of it is looked at for one from the end.
    """
    return np.uint64(count * share // SHARES)


@intrinsic
def _call(typingctx, function, arguments, share):
    """Call a function that `on_threads` has made, and note whether it failed."""

    def codegen(context, builder, signature, values):
        conv = context.call_conv
        address = builder.inttoptr(values[1], cgutils.voidptr_t)
        kind = conv.get_function_type(types.none, _TAKES).as_pointer()
        function = builder.inttoptr(values[0], kind)
        status, _ = conv.call_function(builder, function, types.none, _TAKES, (address, values[2]))
        with cgutils.if_unlikely(builder, status.is_error):
            builder.store(_FLAG(1), address)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.int64), codegen


@njit(cache=True, parallel=True, no_cpython_wrapper=True)
def _run(function, arguments, shares):
    for share in prange(shares):
        _call(function, arguments, share)


def _in_share(context, module, name, kernel, signature, kind):
    """A function that calls a kernel with the arguments that lie behind a flag, and a share."""
    conv = context.call_conv
    function = ir.Function(module, conv.get_function_type(types.none, _TAKES), name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    address, share = conv.get_arguments(function)
    block = builder.bitcast(address, kind.as_pointer())
    arguments = builder.load(cgutils.gep_inbounds(builder, block, 0, 1))
    values = [*cgutils.unpack_tuple(builder, arguments), share]
    context.get_function(kernel, signature)(builder, values)
    conv.return_value(builder, context.get_dummy_value())
    return function


@intrinsic
def on_threads(typingctx, kernel, arguments, shares):
    """Call kernel(*arguments, share) for each share 0 .. shares - 1, on all threads together.

    `kernel` returns nothing, and none of its arguments is a literal. Raises MemoryError where a
    share did: kernels raise nothing else.
    """
    signature = kernel.get_call_type(typingctx, (*arguments, types.int64), {})
    run = typingctx.resolve_value_type(_run)
    run_signature = run.get_call_type(typingctx, (types.uintp, types.uintp, types.int64), {})

    def codegen(context, builder, on_threads_signature, values):
        kind = ir.LiteralStructType([_FLAG, values[1].type])
        block = cgutils.alloca_once(builder, kind)
        flag = cgutils.gep_inbounds(builder, block, 0, 0)
        builder.store(_FLAG(0), flag)
        builder.store(values[1], cgutils.gep_inbounds(builder, block, 0, 1))
        name = builder.module.get_unique_name(f"{builder.function.name}.share")
        function = _in_share(context, builder.module, name, kernel, signature, kind)
        number = context.get_value_type(types.uintp)
        addresses = [builder.ptrtoint(pointer, number) for pointer in (function, block)]
        count = context.cast(builder, values[2], shares, types.int64)
        context.get_function(run, run_signature)(builder, [*addresses, count])
        with cgutils.if_unlikely(builder, builder.trunc(builder.load(flag), ir.IntType(1))):
            context.call_conv.return_user_exc(builder, MemoryError, ("a thread found no memory",))
        return context.get_dummy_value()

    return types.void(kernel, arguments, shares), codegen
