"""Small models with one property each.

    make.py CASE FOLDER        writes FOLDER/model.onnx, and what lies beside it
"""

import os
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
cases = {}


def case(function):
    cases[function.__name__.replace("_", "-")] = function
    return function


def value(name, dims=("n", 4), element=FLOAT):
    return helper.make_tensor_value_info(name, element, dims)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, name="/" + outputs[0], **attributes)


def model(nodes, inputs=None, outputs=None, initializers=(), opset=20, ir=10, functions=(), domains=()):
    graph = helper.make_graph(nodes, "g", inputs if inputs is not None else [value("x")],
                              outputs if outputs is not None else [value("y")], list(initializers))
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions), producer_name="make.py")


@case
def functions(folder):
    """Scale calls Act twice; attributes pass through, one has a default; an input is omitted; a result is renamed."""
    swish = onnx.NodeProto(op_type="LeakyRelu", input=["a"], output=["t"], name="leaky")
    swish.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    norm = onnx.NodeProto(op_type="Softmax", input=["t"], output=["b"], name="softmax")
    norm.attribute.add(name="axis", ref_attr_name="where", type=onnx.AttributeProto.INT)
    act = helper.make_function("my", "Act", ["a"], ["b"], [swish, norm], [helper.make_opsetid("", 16)], ["slope"],
                               [helper.make_attribute("where", -1)])
    inner = onnx.NodeProto(op_type="Act", domain="my", input=["a"], output=["t"], name="act")
    inner.attribute.add(name="slope", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    clip = helper.make_node("Clip", ["t", "low", "high"], ["b"], name="clip")
    scale = helper.make_function("my", "Scale", ["a", "low", "high"], ["b"], [inner, clip],
                                 [helper.make_opsetid("", 12), helper.make_opsetid("my", 1)], ["slope"])
    return model([helper.make_node("Scale", ["x", "", "h"], ["t"], name="/first", domain="my", slope=0.5),
                  helper.make_node("Act", ["t"], ["y"], name="/second", domain="my", where=0)],
                 inputs=[value("x"), value("h", ())], functions=[act, scale], domains=["my"])


@case
def unsorted(folder):
    return model([node("Relu", ["b"], ["y"]), node("Neg", ["a"], ["b"]), node("Exp", ["x"], ["a"])])


@case
def initializers_as_inputs(folder):
    """IR 3 lists weights among the inputs."""
    return model([node("MatMul", ["x", "w"], ["y"])], inputs=[value("x"), value("w", (4, 4))],
                 initializers=[numpy_helper.from_array(np.ones((4, 4), np.float32), "w")], ir=3, opset=9)


@case
def branches(folder):
    """Both branches read a value of the graph around them."""
    then = helper.make_graph([helper.make_node("Add", ["x", "one"], ["t"], name="/then")], "then", [], [value("t")],
                             [numpy_helper.from_array(np.float32(1), "one")])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"], name="/else")], "else", [], [value("e")])
    return model([helper.make_node("If", ["c"], ["y"], name="/if", then_branch=then, else_branch=other)],
                 inputs=[value("x"), value("c", (), TensorProto.BOOL)])


@case
def dimensions(folder):
    inputs = [value("a", ("past + seq", "seq")), value("b", ("seq + past", 0)), value("c", ("batch size", "s0//2")),
              value("d", (None, 3)), value("e", ()), value("f", ("batch size", "2*seq"))]
    unranked = onnx.ValueInfoProto(name="g")
    unranked.type.tensor_type.elem_type = FLOAT
    return model([helper.make_node("Identity", [i], [i + "_out"]) for i in "abcdefg"], inputs=inputs + [unranked],
                 outputs=[helper.make_tensor_value_info(i + "_out", FLOAT, None) for i in "abcdefg"])


@case
def wrong_value_info(folder):
    """value_info is believed only where inference finds nothing."""
    m = model([node("Transpose", ["x"], ["t"], perm=[1, 0]), helper.make_node("Mystery", ["t"], ["u"], name="/u", domain="far"),
               node("Add", ["u", "u"], ["y"])], domains=["far"])
    m.graph.value_info.extend([value("t", ()), value("u", ("n", 7))])
    return m


@case
def constants(folder):
    """Every form of the Constant operator."""
    names = ["tensor", "float", "floats", "int", "ints", "string", "strings"]
    nodes = [node("Constant", [], ["tensor"], value=numpy_helper.from_array(np.array([[1, 2]], np.int32))),
             node("Constant", [], ["float"], value_float=1.5), node("Constant", [], ["floats"], value_floats=[1.5, 2.5]),
             node("Constant", [], ["int"], value_int=3), node("Constant", [], ["ints"], value_ints=[3, 4]),
             node("Constant", [], ["string"], value_string="a"), node("Constant", [], ["strings"], value_strings=["a", "b"])]
    return model(nodes, inputs=[], outputs=[helper.make_tensor_value_info(n, FLOAT, None) for n in names])


def stored(name, element, dims, **fields):
    tensor = TensorProto(name=name, data_type=element, dims=dims)
    for field, content in fields.items():
        if isinstance(content, bytes):
            setattr(tensor, field, content)
        else:
            getattr(tensor, field).extend(content)
    return tensor


@case
def element_types(folder):
    """Small tensors in raw_data and in the typed fields."""
    T = TensorProto
    tensors = [stored("i4_raw", T.INT4, [3], raw_data=b"\x21\x0f"), stored("i4", T.INT4, [3], int32_data=[0x21, 0x0f]),
               stored("u2", T.UINT2, [5], raw_data=b"\xe4\x01"), stored("f4", T.FLOAT4E2M1, [2], raw_data=b"\x21"),
               stored("f16_raw", T.FLOAT16, [2], raw_data=struct.pack("<2H", 0x3c00, 0xc000)),
               stored("f16", T.FLOAT16, [2], int32_data=[0x3c00, 0xc000]),
               stored("bf16", T.BFLOAT16, [1], int32_data=[0x3fc0]), stored("f8", T.FLOAT8E4M3FN, [1], raw_data=b"\x38"),
               stored("bool", T.BOOL, [3], raw_data=b"\x01\x00\x02"), stored("bool_typed", T.BOOL, [2], int32_data=[1, 0]),
               stored("f64", T.DOUBLE, [1], double_data=[1.5]), stored("f32", T.FLOAT, [2], float_data=[1.5, -2]),
               stored("u64", T.UINT64, [1], uint64_data=[1 << 63]), stored("u32", T.UINT32, [1], uint64_data=[7]),
               stored("i8", T.INT8, [2], int32_data=[-1, 5]), stored("i64", T.INT64, [], int64_data=[-9]),
               stored("c64", T.COMPLEX64, [1], float_data=[1, 2]), stored("text", T.STRING, [2], string_data=[b"a", b"b"]),
               stored("empty", T.FLOAT, [0, 4])]
    return model([helper.make_node("Identity", [t.name], [t.name + "_out"]) for t in tensors], inputs=[],
                 outputs=[helper.make_tensor_value_info(t.name + "_out", FLOAT, None) for t in tensors],
                 initializers=tensors)


@case
def weights(folder):
    """Where weights lie: in the model's own file, as bytes or as an array, and in another file; a shape is read from there."""
    with open(os.path.join(folder, "w.bin"), "wb") as f:
        f.write(bytes(4096) + np.ones((64, 64), np.float32).tobytes() + np.array([-1, 64]).tobytes())
    tensors = [numpy_helper.from_array(np.ones((64, 64), np.float32), "own"),
               stored("array", FLOAT, [64, 64], float_data=[1.0] * 4096)]
    for name, element, dims, entries in [("far", FLOAT, [64, 64], {"offset": "4096", "length": "16384"}),
                                         ("shape", TensorProto.INT64, [2], {"offset": str(4096 + 16384)})]:
        tensor = TensorProto(name=name, data_type=element, dims=dims, data_location=TensorProto.EXTERNAL)
        for key, content in {"location": "w.bin", **entries}.items():
            tensor.external_data.add(key=key, value=content)
        tensors.append(tensor)
    return model([node("Reshape", ["x", "shape"], ["a"]), node("MatMul", ["a", "own"], ["b"]), node("MatMul", ["b", "array"], ["c"]),
                  node("MatMul", ["c", "far"], ["y"])], inputs=[value("x", ("n", 2, 64))], initializers=tensors)


@case
def newer(folder):
    """A later ONNX whose operators all exist in the one that is known."""
    return model([node("Relu", ["x"], ["y"])], ir=14, opset=28)


@case
def omitted(folder):
    """An input in the middle and results are omitted."""
    return model([node("Clip", ["x", "", "h"], ["y"]),
                  helper.make_node("LayerNormalization", ["y", "g"], ["z", "", "d"], name="/norm")],
                 inputs=[value("x"), value("h", ()), value("g", (4,))], outputs=[value("z"), value("d", ("n", 1))])


@case
def scopes(folder):
    """torch.onnx says in a node's metadata which module it comes from."""
    m = model([node("Relu", ["x"], ["y"])])
    m.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'model', 'model.layers.0.mlp.act', 'silu']")
    return m


def main():
    name, folder = sys.argv[1:]
    content = cases[name](folder)
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(content.SerializeToString())


if __name__ == "__main__":
    main()
