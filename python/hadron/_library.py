"""Libraries, their entries, and the states that they keep between calls."""

import collections
import ctypes
import itertools
import json
import os
import pathlib

import numpy as np

from . import _capi as capi


class Error(RuntimeError):
    """What a library or the compiler refused, in one sentence. `status`: its hadron_status or exit code."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


TensorInfo = collections.namedtuple("TensorInfo", "name dtype shape basis")
TensorInfo.__doc__ = """An input, an output or a member of a state.

dtype: "float32", "bfloat16", …; shape: sizes, or the text of one that is not known before a call ("past + seq");
basis: the hash of the rotation that its values are in, 0 for none."""

Entry = collections.namedtuple("Entry", "name inputs outputs states")
Entry.__doc__ = "What can be run: inputs and outputs (TensorInfo) and the names of the states that it needs."

_BFLOAT16 = 16
_NAMES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", _BFLOAT16: "bfloat16",
}  # fmt: skip
_NUMBERS = {name: number for number, name in _NAMES.items()}
_opened = collections.defaultdict(itertools.count)


def _storage(dtype):
    """The NumPy type that holds an element type."""
    return np.dtype(np.uint16 if dtype == "bfloat16" else dtype)


def _array(value, dtype):
    """A dense array of `value`; only what has no type of its own (a list, a number) takes the wanted one."""
    if not isinstance(value, np.ndarray):
        if hasattr(value, "__dlpack__") and not isinstance(value, np.generic):
            value = np.from_dlpack(value)
        else:
            value = np.asarray(value, None if isinstance(value, np.generic) else _storage(dtype))
    if value.dtype.name == "bfloat16":
        value = value.view(np.uint16)
    return value if value.flags.c_contiguous else np.copy(value, order="C")


def _tensor(array, wanted, basis=0):
    """The C structure of an array, which must outlive it."""
    name = wanted if array.dtype == _storage(wanted) else array.dtype.name
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    return capi.Tensor(dtype=_NUMBERS.get(name, 0), ndim=array.ndim, data=array.ctypes.data, shape=shape, basis_hash=basis)


def _tensor_info(info):
    shape = tuple(
        info.shape[i] if info.shape[i] >= 0 else info.dimensions[i].decode() for i in range(info.ndim)
    )
    return TensorInfo(info.name.decode(), _NAMES.get(info.dtype, str(info.dtype)), shape, info.basis_hash)


def load(folder, threads=0):
    """Opens the library in a folder, or the lib*.so that is named."""
    return Library(folder, threads)


class Library:
    """An open library. Any number of threads may use it; a state serves one call at a time."""

    _handle = None

    def __init__(self, folder, threads=0):
        path = pathlib.Path(folder)
        if path.is_dir():
            found = sorted(path.glob("lib*.so"))
            if len(found) != 1:
                raise Error(f"{path} holds {len(found)} files lib*.so; name the one to load" if found
                            else f"{path} holds no library (lib*.so)")  # fmt: skip
            path = found[0]
        path = pathlib.Path(os.path.abspath(path))
        # The loader takes one path for one library for ever, even when the file was replaced by a new build. A path that
        # it has not seen makes it look at the file.
        fresh = str(path.parent) + "/." * next(_opened[path]) + "/" + path.name
        try:
            self._api = capi.api_of(fresh)
        except (OSError, AttributeError) as error:
            raise Error(f"cannot load {path}: {error}") from None
        handle, message = ctypes.c_void_p(), ctypes.create_string_buffer(1024)
        status = self._api.library_open(
            self._api.descriptor, os.fsencode(path.parent), capi.Options(threads=threads), handle, message, len(message)
        )
        if status:
            raise Error(message.value.decode(), status)
        self._handle = handle
        info = self._info
        self.name, self.version, self.cpu = info.name.decode(), info.version.decode(), info.cpu.decode()
        #: X.json, parsed
        self.manifest = json.loads(ctypes.string_at(info.manifest, info.manifest_bytes)) if info.manifest_bytes else {}
        #: members (TensorInfo, shapes [batch, heads, length, dim]) of each state by the state's name
        self.states = {}
        for i in range(info.states):
            state = self._get(self._api.get_state_info, capi.StateInfo, i)
            self.states[state.name.decode()] = [self._member(i, j) for j in range(state.members)]
        #: entries by name
        self.entries = {}
        for i in range(info.entries):
            entry = self._get(self._api.get_entry_info, capi.EntryInfo, i)
            tensors = [
                [_tensor_info(self._get(get, capi.TensorInfo, i, j)) for j in range(count)]
                for get, count in ((self._api.get_input_info, entry.inputs), (self._api.get_output_info, entry.outputs))
            ]
            names = list(self.states)
            needed = [names[self._api.get_entry_state(handle, i, j)] for j in range(entry.states)]
            self.entries[entry.name.decode()] = Entry(entry.name.decode(), *tensors, needed)

    def __del__(self):
        self.close()

    def close(self):
        """Frees the weights' memory; states that still exist keep it."""
        if self._handle:
            self._api.library_close(self._handle)
            self._handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _check(self, status):
        if status:
            raise Error(self._api.last_error(self._handle).decode(), status)

    def _open(self):
        if not self._handle:
            raise Error(f"library '{self.name}' is closed")
        return self._handle

    def _get(self, function, structure, *indices):
        info = structure()
        self._check(function(self._handle, *indices, info))
        return info

    def _member(self, state, member):
        info = self._get(self._api.get_member_info, capi.MemberInfo, state, member)
        dtype = _NAMES.get(info.dtype, "packed")
        return TensorInfo(info.name.decode(), dtype, ("batch", info.heads, "length", info.dim), info.basis_hash)

    @property
    def _info(self):
        self._open()
        return self._get(self._api.get_library_info, capi.LibraryInfo)

    @property
    def threads(self):
        return self._info.threads

    @threads.setter
    def threads(self, count):
        self._check(self._api.set_threads(self._open(), count))

    def _entry(self, name):
        if name is None and len(self.entries) == 1:
            return next(iter(self.entries.values()))
        if name not in self.entries:
            what = "has several entries; name one of" if name is None else f"has no entry '{name}'; it has"
            raise Error(f"library '{self.name}' {what} {', '.join(self.entries)}")
        return self.entries[name]

    def run(self, inputs, entry=None, state=None, bases=None):
        """Runs an entry (the only one, if none is named) and returns its outputs by name.

        inputs: arrays by name. state: the State, or a list of them, that the entry reads and extends. bases: the basis
        hashes of inputs that are given rotated, by name."""
        handle = self._open()
        entry = self._entry(entry)
        known = [tensor.name for tensor in entry.inputs]
        for problem, names in (("has no", set(inputs) - set(known)), ("needs an", set(known) - set(inputs))):
            if names:
                raise Error(f"entry '{entry.name}' {problem} input '{min(names)}'; its inputs are {', '.join(known)}")
        arrays = [_array(inputs[t.name], t.dtype) for t in entry.inputs]
        given = (capi.Tensor * len(arrays))(
            *(_tensor(a, t.dtype, (bases or {}).get(t.name, 0)) for a, t in zip(arrays, entry.inputs))
        )
        states = [] if state is None else list(state) if isinstance(state, (list, tuple)) else [state]
        handles = (ctypes.c_void_p * len(states))(*(s._open() for s in states))
        shapes = (ctypes.c_int64 * sum(len(t.shape) for t in entry.outputs))()
        name = entry.name.encode()
        self._check(self._api.entry_plan(handle, name, given, len(arrays), handles, len(states), shapes, None))
        dims = iter(shapes)
        outputs = [np.empty(tuple(itertools.islice(dims, len(t.shape))), _storage(t.dtype)) for t in entry.outputs]
        taken = (capi.Tensor * len(outputs))(*(_tensor(a, t.dtype, t.basis) for a, t in zip(outputs, entry.outputs)))
        self._check(
            self._api.run(
                handle, name, given, len(arrays), taken, len(outputs), handles, len(states), None, 0, None
            )
        )
        return {t.name: a for t, a in zip(entry.outputs, outputs)}

    def new_state(self, capacity, batch=1, name=None):
        """An empty state (the only kind, if none is named) with room for `capacity` rows."""
        self._open()
        if name is None:
            if len(self.states) != 1:
                raise Error(f"library '{self.name}' has {len(self.states)} states; name one")
            name = next(iter(self.states))
        return State(self, name, batch, capacity)

    def generate(self, tokens, max_new, entry=None):
        """Continues a sequence of token ids greedily and returns the max_new new ones.

        For an entry with `input_ids` and `logits`; `attention_mask` and `position_ids` are filled in. Without a state the
        whole sequence is run again for every token."""
        entry = self._entry(entry)
        kinds = {tensor.name: tensor.dtype for tensor in entry.inputs}
        extra = set(kinds) - {"input_ids", "attention_mask", "position_ids"}
        if "input_ids" not in kinds or extra or "logits" not in (tensor.name for tensor in entry.outputs):
            raise Error(f"entry '{entry.name}' is no token loop: it needs input_ids and logits"
                        + (f", and has an input '{min(extra)}'" if extra else ""))  # fmt: skip
        tokens = [int(token) for token in tokens]
        if not tokens:
            raise Error("there is no token to start from")
        bfloat16 = {tensor.name: tensor.dtype for tensor in entry.outputs}["logits"] == "bfloat16"
        states = [self.new_state(len(tokens) + max_new, name=name) for name in entry.states]
        new, past, pending = [], 0, list(tokens)
        while len(new) < max_new:
            total = past + len(pending)
            values = {
                "input_ids": np.array([pending], _storage(kinds["input_ids"])),
                "attention_mask": np.ones((1, total), _storage(kinds.get("attention_mask", "int64"))),
                "position_ids": np.arange(past, total, dtype=_storage(kinds.get("position_ids", "int64")))[None],
            }
            logits = self.run({name: values[name] for name in kinds}, entry.name, states)["logits"]
            last = logits.reshape(-1, logits.shape[-1])[-1]
            if bfloat16:
                last = (last.astype(np.uint32) << 16).view(np.float32)
            new.append(int(np.argmax(last)))
            if states:
                past, pending = total, new[-1:]
            else:
                pending.append(new[-1])
        return new


class State:
    """What a library keeps between calls, such as the keys and values of attention."""

    _handle = None

    def __init__(self, library, name, batch, capacity):
        self.library, self.name = library, name
        handle = ctypes.c_void_p()
        library._check(library._api.state_create(library._open(), name.encode(), batch, capacity, handle))
        self._api, self._handle = library._api, handle

    def __del__(self):
        if self._handle:
            self._api.state_destroy(self._handle)
            self._handle = None

    def _open(self):
        return self._handle

    def _check(self, status):
        self.library._open()
        self.library._check(status)

    def __len__(self):
        return self._api.state_length(self._handle)

    # A state is true even when it is empty.
    def __bool__(self):
        return True

    @property
    def length(self):
        """How many rows it holds. May be set: to fewer, or to as many as `write` has filled."""
        return len(self)

    @length.setter
    def length(self, value):
        self._check(self._api.state_set_length(self._handle, value))

    @property
    def capacity(self):
        return self._api.state_capacity(self._handle)

    @property
    def batch(self):
        return self._api.state_batch(self._handle)

    @property
    def members(self):
        return self.library.states[self.name]

    def reset(self):
        """Makes it empty."""
        self._check(self._api.state_reset(self._handle))

    def _index(self, member):
        for i, info in enumerate(self.members):
            if member in (i, info.name):
                return i, info
        raise Error(f"state '{self.name}' has no member '{member}'")

    def read(self, member):
        """A copy of a member's rows, [batch, heads, length, dim], in the member's basis."""
        i, info = self._index(member)
        shape = (self.batch, info.shape[1], len(self), info.shape[3])
        array = np.empty(shape, _storage("uint8" if info.dtype == "packed" else info.dtype))
        self._check(self._api.state_read(self._handle, i, _tensor(array, info.dtype, info.basis)))
        return array

    def write(self, member, array, basis=0):
        """Copies [batch, heads, rows, dim] into a member's first rows; `length` stays as it is."""
        i, info = self._index(member)
        array = _array(array, info.dtype)
        self._check(self._api.state_write(self._handle, i, _tensor(array, info.dtype, basis)))
