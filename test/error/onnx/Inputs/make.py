"""Models with one mistake each.

    make.py CASE FOLDER        writes FOLDER/model.onnx, and what lies beside it

A case is the function of that name below; its docstring says what is wrong.
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


def tensor(name="w", dims=(4, 4)):
    return numpy_helper.from_array(np.ones(dims, np.float32), name)


def model(nodes=None, inputs=None, outputs=None, initializers=None, opset=20, ir=10, functions=(), domains=()):
    graph = helper.make_graph(nodes if nodes is not None else [helper.make_node("MatMul", ["x", "w"], ["y"], name="/proj")], "g",
                              inputs if inputs is not None else [value("x")], outputs if outputs is not None else [value("y")],
                              initializers if initializers is not None else [tensor()])
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions))


def with_tensor(**fields):
    """A model whose initializer w has these fields and no others."""
    w = TensorProto(name="w", data_type=FLOAT, dims=[4, 4])
    for name, content in fields.items():
        if isinstance(content, list):
            w.ClearField(name)
            getattr(w, name).extend(content)
        else:
            setattr(w, name, content)
    return model(initializers=[w])


def external(folder, entries=(), file="w.bin", size=64, **standard):
    """w lies in a file beside the model; entries come after location, offset, length."""
    if file:
        with open(os.path.join(folder, file), "wb") as f:
            f.write(bytes(size))
    w = TensorProto(name="w", data_type=FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
    fields = {"location": "w.bin", **standard}
    for key, content in [*fields.items(), *entries]:
        if content is not None:
            w.external_data.add(key=key, value=content)
    return model(initializers=[w])


# ---------------------------------------------------------------------------------------------------------- the file

@case
def not_a_model(folder):
    return b"This is a text, not a model.\n"


@case
def empty_file(folder):
    return b""


@case
def truncated(folder):
    data = model().SerializeToString()
    return data[:len(data) // 2]


@case
def larger_than_2_gib(folder):
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.truncate(1 << 31)


@case
def group_field(folder):
    return b"\x08\x0a\x3b\x3c"  # ir_version, then a group: wire types 3 and 4


@case
def length_past_the_end(folder):
    return b"\x08\x0a\x3a\xff\xff\xff\xff\x0f"  # a graph of 4 GiB


@case
def field_number_zero(folder):
    return b"\x08\x0a\x02\x00"


@case
def varint_too_long(folder):
    return b"\x08" + b"\xff" * 11


@case
def nested_too_deep(folder):
    """Graphs in attributes of nodes, 60 deep."""
    def field(number, content):
        length, text = len(content), b""
        while length >= 0x80:
            text += bytes([length & 0x7f | 0x80])
            length >>= 7
        return bytes([number << 3 | 2]) + text + bytes([length]) + content
    data = b""
    for _ in range(60):
        data = field(1, field(5, field(6, data)))
    return b"\x08\x0a" + field(7, data)


# --------------------------------------------------------------------------------------------------------- the model

@case
def no_graph(folder):
    m = model()
    m.ClearField("graph")
    return m


@case
def ir_version_too_old(folder):
    return model(ir=2)


@case
def opset_too_old(folder):
    return model(opset=6)


@case
def no_opset(folder):
    m = model()
    m.ClearField("opset_import")
    return m


@case
def domain_imported_twice(folder):
    m = model()
    m.opset_import.append(helper.make_opsetid("ai.onnx", 19))
    return m


@case
def domain_not_imported(folder):
    return model([helper.make_node("FastGelu", ["x"], ["y"], name="/act", domain="com.microsoft")])


@case
def sparse_initializer(folder):
    m = model()
    m.graph.sparse_initializer.add(dims=[4])
    return m


@case
def sequence_input(folder):
    return model(inputs=[helper.make_tensor_sequence_value_info("x", FLOAT, None)])


@case
def negative_input_dimension(folder):
    return model(inputs=[value("x", (-2, 4))])


@case
def input_element_type(folder):
    return model(inputs=[value("x", element=77)])


# --------------------------------------------------------------------------------------------------------- the names

@case
def duplicate_result(folder):
    return model([helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y"])])


@case
def duplicate_initializer(folder):
    return model(initializers=[tensor(), tensor()])


@case
def result_named_like_input(folder):
    return model([helper.make_node("Relu", ["x"], ["x"]), helper.make_node("MatMul", ["x", "w"], ["y"])])


@case
def unnamed_initializer(folder):
    return model(initializers=[tensor(), tensor("")])


@case
def dangling_inputs(folder):
    return model([helper.make_node("MatMul", ["x", "wt"], ["a"], name="/a"),
                  helper.make_node("Where", ["mask", "a", "nowhere"], ["y"], name="/b")],
                 initializers=[tensor("wts")])


@case
def dangling_output(folder):
    return model(outputs=[value("z")])


@case
def dangling_in_subgraph(folder):
    body = helper.make_graph([helper.make_node("Add", ["x", "absent"], ["t"], name="/inner")], "then", [], [value("t")])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [value("e")])
    return model([helper.make_node("If", ["c"], ["y"], name="/if", then_branch=body, else_branch=other)],
                 inputs=[value("x"), value("c", (), TensorProto.BOOL)])


@case
def cycle(folder):
    return model([helper.make_node("Add", ["x", "c"], ["a"], name="/a"), helper.make_node("Neg", ["a"], ["b"], name="/b"),
                  helper.make_node("Exp", ["b"], ["c"], name="/c"), helper.make_node("Relu", ["c"], ["y"], name="/d")])


# ----------------------------------------------------------------------------------------------------- local functions

def function(name, nodes, inputs=("a",), outputs=("b",), attributes=()):
    return helper.make_function("my", name, list(inputs), list(outputs), nodes,
                                [helper.make_opsetid("", 20), helper.make_opsetid("my", 1)], list(attributes))


def call(name, source, result, **attributes):
    return helper.make_node(name, [source], [result], name=f"/{name}", domain="my", **attributes)


@case
def function_calls_itself(folder):
    return model([call("F", "x", "y")], functions=[function("F", [call("F", "a", "b")])], domains=["my"])


@case
def functions_call_each_other(folder):
    return model([call("F", "x", "y")], domains=["my"],
                 functions=[function("F", [call("G", "a", "b")]), function("G", [call("H", "a", "b")]),
                            function("H", [call("F", "a", "b")])])


@case
def function_calls_itself_in_a_branch(folder):
    """The call stands in a subgraph."""
    branch = helper.make_graph([call("F", "a", "t")], "then", [], [value("t")])
    return model([call("F", "x", "y")], domains=["my"],
                 functions=[function("F", [helper.make_node("If", ["a"], ["b"], then_branch=branch, else_branch=branch)])])


@case
def function_calls_too_deep(folder):
    functions = [function(f"F{i}", [call(f"F{i + 1}", "a", "b")]) for i in range(150)]
    functions.append(function("F150", [helper.make_node("Relu", ["a"], ["b"])]))
    return model([call("F0", "x", "y")], functions=functions, domains=["my"])


@case
def functions_expand_without_end(folder):
    """30 functions, each calling the next twice: 2^30 nodes."""
    functions = [function(f"F{i}", [call(f"F{i + 1}", "a", "t"), call(f"F{i + 1}", "t", "b")]) for i in range(30)]
    functions.append(function("F30", [helper.make_node("Relu", ["a"], ["b"])]))
    return model([call("F0", "x", "y")], functions=functions, domains=["my"])


@case
def function_defined_twice(folder):
    f = function("F", [helper.make_node("Relu", ["a"], ["b"])])
    return model([call("F", "x", "y")], functions=[f, f], domains=["my"])


@case
def function_with_too_many_inputs(folder):
    return model([helper.make_node("F", ["x", "x"], ["y"], name="/call", domain="my")], domains=["my"],
                 functions=[function("F", [helper.make_node("Relu", ["a"], ["b"])])])


@case
def function_attribute_that_does_not_exist(folder):
    node = helper.make_node("Softmax", ["a"], ["b"])
    node.attribute.add(name="axis", ref_attr_name="where", type=onnx.AttributeProto.INT)
    return model([call("F", "x", "y")], functions=[function("F", [node])], domains=["my"])


# ------------------------------------------------------------------------------------------------------------- nodes

def softmax(**fields):
    node = helper.make_node("Softmax", ["x"], ["y"], name="/softmax")
    node.attribute.add(name="axis", **fields)
    return model([node])


@case
def no_operator(folder):
    return model([helper.make_node("", ["x"], ["y"], name="/blank")])


@case
def attribute_type_differs_from_value(folder):
    return softmax(type=onnx.AttributeProto.INT, f=1.5)


@case
def attribute_of_wrong_kind(folder):
    return softmax(type=onnx.AttributeProto.FLOAT, f=1.5)


@case
def attribute_with_two_values(folder):
    return softmax(type=onnx.AttributeProto.INT, i=1, s=b"one")


@case
def attribute_without_type(folder):
    return softmax()


@case
def attribute_type_that_does_not_exist(folder):
    """Enum value 99, which protobuf keeps as an unknown field."""
    data = softmax(type=onnx.AttributeProto.STRINGS).SerializeToString()
    return data.replace(b"\xa0\x01\x08", b"\xa0\x01\x63")


@case
def attribute_twice(folder):
    m = softmax(type=onnx.AttributeProto.INT, i=1)
    m.graph.node[0].attribute.add(name="axis", type=onnx.AttributeProto.INT, i=0)
    return m


@case
def attribute_reference_outside_a_function(folder):
    return softmax(type=onnx.AttributeProto.INT, ref_attr_name="where")


@case
def attribute_unknown(folder):
    return model([helper.make_node("Softmax", ["x"], ["y"], name="/softmax", axes=[1])])


@case
def attribute_missing(folder):
    return model([helper.make_node("Cast", ["x"], ["y"], name="/cast")])


@case
def too_many_inputs(folder):
    return model([helper.make_node("Relu", ["x", "x"], ["y"], name="/relu")])


@case
def too_few_outputs(folder):
    return model([helper.make_node("Relu", ["x"], [], name="/relu"), helper.make_node("Relu", ["x"], ["y"])])


@case
def constant_with_sparse_value(folder):
    node = helper.make_node("Constant", [], ["y"], name="/const")
    node.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.dims.append(4)
    return model([node])


@case
def constant_with_bad_tensor(folder):
    bad = TensorProto(data_type=FLOAT, dims=[4], raw_data=bytes(12))
    return model([helper.make_node("Constant", [], ["y"], name="/const", value=bad)])


# ----------------------------------------------------------------------------------------------------------- tensors

@case
def tensor_negative_dimension(folder):
    return with_tensor(dims=[4, -4], raw_data=bytes(64))


@case
def tensor_dimensions_overflow(folder):
    return with_tensor(dims=[1 << 32, 1 << 32, 1 << 4], raw_data=bytes(64))


@case
def tensor_bytes_overflow(folder):
    return with_tensor(dims=[1 << 62], raw_data=bytes(64))


@case
def tensor_element_type_unknown(folder):
    return with_tensor(data_type=99, raw_data=bytes(64))


@case
def tensor_element_type_missing(folder):
    return with_tensor(data_type=0, raw_data=bytes(64))


@case
def tensor_too_few_bytes(folder):
    return with_tensor(raw_data=bytes(60))


@case
def tensor_too_many_bytes(folder):
    return with_tensor(raw_data=bytes(68))


@case
def tensor_claims_petabytes(folder):
    return with_tensor(dims=[1 << 25, 1 << 25], raw_data=bytes(64))


@case
def tensor_raw_and_typed(folder):
    return with_tensor(raw_data=bytes(64), int32_data=[1])


@case
def tensor_too_few_values(folder):
    return with_tensor(data_type=TensorProto.INT32, int32_data=[1] * 15)


@case
def tensor_values_in_wrong_field(folder):
    return with_tensor(data_type=TensorProto.INT64, int32_data=[1] * 16)


@case
def tensor_floats_for_integers(folder):
    """float_data, which the importer reads in place, for an integer type of the same width."""
    return with_tensor(data_type=TensorProto.INT32, float_data=[1.0] * 16)


@case
def tensor_strings_raw(folder):
    return with_tensor(data_type=TensorProto.STRING, raw_data=bytes(64))


@case
def tensor_segment(folder):
    m = with_tensor(raw_data=bytes(64))
    m.graph.initializer[0].segment.begin = 0
    return m


@case
def tensor_packed_nibbles_missing(folder):
    """17 int4 elements take 9 bytes."""
    return with_tensor(data_type=TensorProto.INT4, dims=[17], raw_data=bytes(8))


# ----------------------------------------------------------------------------------------------------- external data

@case
def external_absolute_path(folder):
    return external(folder, location="/etc/passwd")


@case
def external_parent_folder(folder):
    """CVE-2022-25882."""
    return external(folder, location="../w.bin")


@case
def external_parent_folder_inside(folder):
    """CVE-2024-27318."""
    os.mkdir(os.path.join(folder, "a"))
    return external(folder, location="a/../../w.bin")


@case
def external_symlink(folder):
    """CVE-2026-34447."""
    os.symlink("w.bin", os.path.join(folder, "link.bin"))
    return external(folder, location="link.bin")


@case
def external_symlinked_folder(folder):
    """CVE-2026-27489."""
    os.mkdir(os.path.join(folder, "real"))
    os.symlink("real", os.path.join(folder, "data"))
    return external(folder, file="real/w.bin", location="data/w.bin")


@case
def external_hard_link(folder):
    """CVE-2026-34446; refused on request."""
    result = external(folder)
    os.link(os.path.join(folder, "w.bin"), os.path.join(folder, "second.bin"))
    return result


@case
def external_unknown_key(folder):
    """CVE-2026-34445."""
    return external(folder, [("__class__", "os.system")])


@case
def external_negative_length(folder):
    """CVE-2026-34445."""
    return external(folder, length="-64")


@case
def external_negative_offset(folder):
    return external(folder, offset="-1")


@case
def external_petabyte_length(folder):
    """CVE-2026-34445."""
    return external(folder, length="1125899906842624")


@case
def external_hexadecimal_offset(folder):
    return external(folder, offset="0x10")


@case
def external_offset_overflows(folder):
    return external(folder, offset=str((1 << 63) - 32), length="64")


@case
def external_number_overflows(folder):
    return external(folder, offset=str(1 << 70))


@case
def external_past_the_end(folder):
    return external(folder, offset="16", length="64")


@case
def external_truncated_file(folder):
    return external(folder, size=32)


@case
def external_wrong_length(folder):
    return external(folder, length="32")


@case
def external_missing_file(folder):
    return external(folder, location="absent.bin")


@case
def external_without_location(folder):
    return external(folder, location=None)


@case
def external_empty_location(folder):
    return external(folder, location="")


@case
def external_key_twice(folder):
    return external(folder, [("location", "other.bin")])


@case
def external_folder(folder):
    os.mkdir(os.path.join(folder, "sub"))
    return external(folder, location="sub")


@case
def external_fifo(folder):
    """Opening it must not wait."""
    os.mkfifo(os.path.join(folder, "fifo"))
    return external(folder, location="fifo")


@case
def external_nul_in_path(folder):
    return external(folder, location="w.bin\0.txt")


@case
def external_and_raw(folder):
    m = external(folder)
    m.graph.initializer[0].raw_data = bytes(64)
    return m


@case
def external_not_said(folder):
    m = external(folder)
    m.graph.initializer[0].ClearField("data_location")
    return m


@case
def external_strings(folder):
    m = external(folder)
    m.graph.initializer[0].data_type = TensorProto.STRING
    return m


# ------------------------------------------------------------------------------------------------------------ shapes

@case
def matmul_of_different_widths(folder):
    return model(inputs=[value("x", ("n", 5))])


@case
def reshape_to_another_size(folder):
    return model([helper.make_node("Reshape", ["x", "s"], ["y"], name="/reshape")], inputs=[value("x", (3, 4))],
                 initializers=[numpy_helper.from_array(np.array([5, -1]), "s")])


@case
def concat_of_different_ranks(folder):
    return model([helper.make_node("Concat", ["x", "z"], ["y"], name="/cat", axis=0)], inputs=[value("x"), value("z", (3,))])


@case
def axis_out_of_range(folder):
    return model([helper.make_node("Softmax", ["x"], ["y"], name="/softmax", axis=2)])


@case
def heads_that_do_not_divide(folder):
    node = helper.make_node("GroupQueryAttention", ["x", "", "", "", "", "l", "t"], ["y", "k", "v"], name="/attn",
                            domain="com.microsoft", num_heads=3, kv_num_heads=3)
    return model([node], inputs=[value("x", ("b", "s", 100)), value("l", ("b",), TensorProto.INT32), value("t", (), TensorProto.INT32)],
                 domains=["com.microsoft"])


@case
def size_overflow(folder):
    """A reshape of a tensor whose number of elements no int64 holds."""
    return model([helper.make_node("Tile", ["x", "r"], ["t"], name="/tile"), helper.make_node("Size", ["t"], ["y"])],
                 inputs=[value("x", (1 << 40, 4))], initializers=[numpy_helper.from_array(np.array([1 << 40, 1]), "r")],
                 outputs=[value("y", (), TensorProto.INT64)])


def main():
    name, folder = sys.argv[1:]
    content = cases[name](folder)
    if content is None:
        return
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(content if isinstance(content, bytes) else content.SerializeToString())


if __name__ == "__main__":
    main()
