#!/usr/bin/env python3
"""Writes OpVersions.def from the schemas of the installed onnx (ONNX's own domain) and onnxruntime (com.microsoft).

    python3 op-versions.py > OpVersions.def

A row says that a version of an operator exists, how many inputs and outputs it takes, and its attributes. Run it again
when the pinned onnx version changes.
"""

import collections

import onnx
import onnxruntime.capi.onnxruntime_pybind11_state as ort

KINDS = {"FLOAT": "f", "INT": "i", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "SPARSE_TENSOR": "p", "TYPE_PROTO": "y",
         "FLOATS": "F", "INTS": "I", "STRINGS": "S", "TENSORS": "T", "GRAPHS": "G", "SPARSE_TENSORS": "P",
         "TYPE_PROTOS": "Y"}

# What exporters of language models and ONNX Runtime's optimizer write.
MICROSOFT = """Attention BiasGelu CausalConvWithState DequantizeLinear DynamicQuantizeMatMul EmbedLayerNormalization FastGelu
FusedMatMul GatherBlockQuantized Gelu GroupQueryAttention LinearAttention MatMulBnb4 MatMulFpQ4 MatMulIntegerToFloat
MatMulNBits MoE MultiHeadAttention PackedAttention PackedMultiHeadAttention PagedAttention QMoE QuantizeLinear QuickGelu
RotaryEmbedding SkipLayerNormalization SkipSimplifiedLayerNormalization SparseAttention""".split()

# Not in the schemas: ONNX Runtime's norm in ONNX's own domain (https://github.com/microsoft/onnxruntime, contrib_defs.cc),
# and operators newer than the runtime above. One input list of attributes each.
EXTRA = [("", "SimplifiedLayerNormalization", 1, 2, 2, 1, 2, "axis:i epsilon:f stash_type:i"),
         ("com.microsoft", "FusedHadamardTransform", 1, 2, 2, 1, 1, "block_size:i")]


def count(number):
    return -1 if number > 10000 else number


def row(schema):
    attributes = []
    for name, attribute in sorted(schema.attributes.items()):
        kind = getattr(attribute.type, "name", str(attribute.type)).split(".")[-1]
        attributes.append(f"{name}:{KINDS[kind]}{'!' if attribute.required else ''}")
    return (schema.domain, schema.name, schema.since_version, count(schema.min_input), count(schema.max_input),
            count(schema.min_output), count(schema.max_output), " ".join(attributes))


def main():
    rows = [row(s) for s in onnx.defs.get_all_schemas_with_history() if s.domain == "" and not s.deprecated]
    latest = collections.OrderedDict()
    for schema in ort.get_all_operator_schema():
        if schema.domain == "com.microsoft" and schema.name in MICROSOFT:
            latest[schema.name, schema.since_version] = row(schema)
    have = {(r[0], r[1]) for r in rows} | {("com.microsoft", name) for name, _ in latest}
    rows += list(latest.values()) + [r for r in EXTRA if r[:2] not in have]
    print("// Written by op-versions.py; do not edit.")
    print("// ONNX_OP(domain, operator, since version, least and most inputs, least and most outputs (-1: any), attributes)")
    print("// attributes: name:kind, kind f i s t g p y (FLOAT INT STRING TENSOR GRAPH SPARSE_TENSOR TYPE_PROTO), upper case")
    print("// for lists, '!' where required.")
    for domain, name, since, *counts, attributes in sorted(rows):
        print(f'ONNX_OP("{domain}", "{name}", {since}, {", ".join(map(str, counts))}, "{attributes}")')


if __name__ == "__main__":
    main()
