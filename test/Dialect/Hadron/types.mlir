// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// Types as they are written; every one survives a round trip.

#b = #hadron.rotation<[#hadron.wht<64>]>
#q = #hadron.int<4, group = 32, sym, scale = f32>

// CHECK-DAG: #[[B:.*]] = #hadron.rotation<[#hadron.wht<64>]>
// CHECK-DAG: #[[SPAN:.*]] = #hadron.rotation<[#hadron.signs<192, bits = "{{f+}}">], span = 2>

// CHECK-LABEL: func.func private @rotated
// CHECK-SAME: !hadron.rotated<tensor<?x4096xf16>, #[[B]]>
func.func private @rotated(!hadron.rotated<tensor<?x4096xf16>, #b>)

// The axes that a rotation spans count as one: 3 * 64 = 192.
// CHECK-LABEL: func.func private @span
// CHECK-SAME: !hadron.rotated<tensor<?x3x64xf32>, #[[SPAN]]>
func.func private @span(!hadron.rotated<tensor<?x3x64xf32>, #hadron.rotation<[#hadron.signs<192, bits = "ffffffffffffffffffffffffffffffffffffffffffffffff">], span = 2>>)

// An empty axis is a multiple of every block.
// CHECK-LABEL: func.func private @empty
// CHECK-SAME: !hadron.rotated<tensor<0xbf16>, #[[B]]>
func.func private @empty(!hadron.rotated<tensor<0xbf16>, #b>)

// CHECK-LABEL: func.func private @packed
// CHECK-SAME: !hadron.packed<576x1536, #hadron.int<4, group = 32, sym, scale = f32>>
// CHECK-SAME: !hadron.packed<1x1, #hadron.dense<f16>>
func.func private @packed(!hadron.packed<576x1536, #q>, !hadron.packed<1x1, #hadron.dense<f16>>)

// CHECK-LABEL: func.func private @packed_bases
// CHECK-SAME: !hadron.packed<64x128, #hadron.dense<f32>, in = #[[B]], out = #[[B]]>
// CHECK-SAME: !hadron.packed<64x128, #hadron.dense<f32>, out = #[[B]]>
func.func private @packed_bases(!hadron.packed<64x128, #hadron.dense<f32>, out = #b, in = #b>, !hadron.packed<64x128, #hadron.dense<f32>, out = #b>)

// CHECK-LABEL: func.func private @states
// CHECK-SAME: !hadron.state<3x64xf32>
// CHECK-SAME: !hadron.state<3x64xf16, in = #[[B]]>
// CHECK-SAME: !hadron.state<1x1xi8>
func.func private @states(!hadron.state<3x64xf32>, !hadron.state<3x64xf16, in = #b>, !hadron.state<1x1xi8>)
