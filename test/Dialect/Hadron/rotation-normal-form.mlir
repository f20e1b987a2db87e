// RUN: hadron-opt %s | FileCheck %s

// A rotation is kept in normal form: adjacent factors that undo each other are dropped, whatever drops out first.

// CHECK-DAG: #[[I:.*]] = #hadron.rotation<[]>
// CHECK-DAG: #[[P:.*]] = #hadron.rotation<[#hadron.permute<[1, 0]>]>
// CHECK-DAG: #[[HH:.*]] = #hadron.rotation<[#hadron.hadamard<12, "paley1", 1>, #hadron.hadamard<12, "paley1", 1>]>
// CHECK-DAG: #[[K:.*]] = #hadron.rotation<[#hadron.wht<4>, #hadron.wht<2>]>

#h = #hadron.hadamard<12, "paley1", 1>
#ht = #hadron.hadamard<12, "paley1", 1, transposed = true>
#s = #hadron.signs<12, bits = "ff0f">

// H H = I for the Sylvester matrix: what is left is the identity.
// CHECK-LABEL: func.func private @involution
// CHECK-SAME: r = #[[I]]}
func.func private @involution() attributes {r = #hadron.rotation<[#hadron.wht<4>, #hadron.wht<4>]>}

// D D = I for signs; and then H H stand beside each other.
// CHECK-LABEL: func.func private @nested
// CHECK-SAME: r = #[[P]]}
func.func private @nested() attributes {r = #hadron.rotation<[#hadron.wht<4>, #s, #s, #hadron.wht<4>, #hadron.permute<[1, 0]>]>}

// H_12 by Paley's first construction is not symmetric: its inverse is its transpose, not itself.
// CHECK-LABEL: func.func private @transpose
// CHECK-SAME: r = #[[I]]}
func.func private @transpose() attributes {r = #hadron.rotation<[#h, #ht]>}
// CHECK-LABEL: func.func private @twice
// CHECK-SAME: r = #[[HH]]}
func.func private @twice() attributes {r = #hadron.rotation<[#h, #h]>}

// P^-1 P = I.
// CHECK-LABEL: func.func private @permute
// CHECK-SAME: r = #[[I]]}
func.func private @permute() attributes {r = #hadron.rotation<[#hadron.permute<[2, 0, 1]>, #hadron.permute<[1, 2, 0]>]>}

// Factors that only look alike stay.
// CHECK-LABEL: func.func private @kept
// CHECK-SAME: r = #[[K]]}
func.func private @kept() attributes {r = #hadron.rotation<[#hadron.wht<4>, #hadron.wht<2>]>}
