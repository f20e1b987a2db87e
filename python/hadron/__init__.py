"""Kernel libraries that Hadron makes, from Python: NumPy arrays in and out, over the libraries' C interface.

    import hadron
    lib = hadron.load(hadron.compile("model.onnx", "out", weights="int4"))
    y = lib.run({"x": x})["y"]

float16 is np.float16. bfloat16 has no NumPy type: such tensors are np.uint16 arrays with the same bits (an array of
ml_dtypes.bfloat16 is taken too).
"""

from ._compiler import compile, quantize
from ._library import Entry, Error, Library, State, TensorInfo, load

__all__ = ["Entry", "Error", "Library", "State", "TensorInfo", "compile", "load", "quantize"]
