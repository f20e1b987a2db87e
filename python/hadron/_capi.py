"""The structures of hadron-c/hadron.h, as ctypes, and the table of functions that every library exports."""

import ctypes as c

VOID, SIZE, I32, I64, U64, TEXT = c.c_void_p, c.c_size_t, c.c_int32, c.c_int64, c.c_uint64, c.c_char_p


class Sized(c.Structure):
    """A structure that begins with its own size."""

    def __init__(self, **fields):
        super().__init__(struct_size=c.sizeof(self), **fields)


class Tensor(Sized):
    _fields_ = [
        ("struct_size", SIZE), ("dtype", I32), ("ndim", I32), ("data", VOID), ("shape", c.POINTER(I64)),
        ("strides", c.POINTER(I64)), ("device_type", I32), ("device_id", I32), ("basis_hash", U64),
    ]  # fmt: skip


class Options(Sized):
    _fields_ = [
        ("struct_size", SIZE), ("threads", I32), ("flags", I32), ("parallel_for", VOID), ("parallel_for_user", VOID),
        ("log", VOID), ("log_user", VOID),
    ]  # fmt: skip


class LibraryInfo(Sized):
    _fields_ = [
        ("struct_size", SIZE), ("name", TEXT), ("version", TEXT), ("cpu", TEXT), ("entries", SIZE), ("states", SIZE),
        ("manifest", VOID), ("manifest_bytes", SIZE), ("weights_bytes", SIZE), ("threads", I32),
    ]  # fmt: skip


class EntryInfo(Sized):
    _fields_ = [
        ("struct_size", SIZE), ("name", TEXT), ("inputs", SIZE), ("outputs", SIZE), ("states", SIZE),
        ("output_dimensions", SIZE),
    ]  # fmt: skip


class TensorInfo(Sized):
    _fields_ = [
        ("struct_size", SIZE), ("name", TEXT), ("dtype", I32), ("ndim", I32), ("shape", c.POINTER(I64)),
        ("dimensions", c.POINTER(TEXT)), ("basis_hash", U64),
    ]  # fmt: skip


class StateInfo(Sized):
    _fields_ = [("struct_size", SIZE), ("name", TEXT), ("members", SIZE)]


class MemberInfo(Sized):
    _fields_ = [
        ("struct_size", SIZE), ("name", TEXT), ("dtype", I32), ("heads", I64), ("dim", I64), ("basis_hash", U64),
    ]  # fmt: skip


_FUNCTIONS = [
    ("library_open", c.c_int, [VOID, TEXT, c.POINTER(Options), c.POINTER(VOID), TEXT, SIZE]),
    ("library_close", None, [VOID]),
    ("last_error", TEXT, [VOID]),
    ("get_library_info", c.c_int, [VOID, c.POINTER(LibraryInfo)]),
    ("set_threads", c.c_int, [VOID, I32]),
    ("cpu_name", TEXT, []),
    ("get_entry_info", c.c_int, [VOID, SIZE, c.POINTER(EntryInfo)]),
    ("find_entry", I64, [VOID, TEXT]),
    ("get_input_info", c.c_int, [VOID, SIZE, SIZE, c.POINTER(TensorInfo)]),
    ("get_output_info", c.c_int, [VOID, SIZE, SIZE, c.POINTER(TensorInfo)]),
    ("get_state_info", c.c_int, [VOID, SIZE, c.POINTER(StateInfo)]),
    ("get_member_info", c.c_int, [VOID, SIZE, SIZE, c.POINTER(MemberInfo)]),
    ("get_entry_state", I64, [VOID, SIZE, SIZE]),
    ("entry_plan", c.c_int, [VOID, TEXT, c.POINTER(Tensor), SIZE, c.POINTER(VOID), SIZE, c.POINTER(I64), c.POINTER(SIZE)]),
    ("run", c.c_int, [VOID, TEXT, c.POINTER(Tensor), SIZE, c.POINTER(Tensor), SIZE, c.POINTER(VOID), SIZE, VOID, SIZE, VOID]),
    ("state_create", c.c_int, [VOID, TEXT, I64, I64, c.POINTER(VOID)]),
    ("state_destroy", None, [VOID]),
    ("state_length", I64, [VOID]),
    ("state_capacity", I64, [VOID]),
    ("state_batch", I64, [VOID]),
    ("state_reset", c.c_int, [VOID]),
    ("state_set_length", c.c_int, [VOID, I64]),
    ("state_write", c.c_int, [VOID, SIZE, c.POINTER(Tensor)]),
    ("state_read", c.c_int, [VOID, SIZE, c.POINTER(Tensor)]),
]  # fmt: skip


class Api(c.Structure):
    _fields_ = [("struct_size", SIZE), ("descriptor", VOID)] + [
        (name, c.CFUNCTYPE(result, *arguments)) for name, result, arguments in _FUNCTIONS
    ]


def api_of(path):
    """The functions of one shared object. It stays loaded."""
    get = c.CDLL(path).hadron_get_api
    get.restype = c.POINTER(Api)
    return get().contents
