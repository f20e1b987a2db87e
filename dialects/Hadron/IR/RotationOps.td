// Operations between bases, and the arithmetic that they lower to.
#ifndef HADRON_ROTATION_OPS_TD
#define HADRON_ROTATION_OPS_TD

include "HadronTypes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Hadron_RotateOp : Hadron_Op<"rotate", [Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "y = R x: from the standard basis into a rotated one";
  let description = [{
    R acts on the last axis (on the last `span` axes taken as one) of a tensor [..., n]. Adjoint: `hadron.unrotate` with the same rotation.

    ```mlir
    %y = hadron.rotate %x : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #hadron.rotation<[#hadron.wht<64>]>>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs Hadron_AnyRotated:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Hadron_UnrotateOp : Hadron_Op<"unrotate", [Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "x = R^T y: back into the standard basis";
  let description = [{
    Adjoint: `hadron.rotate`. `unrotate(rotate(x))` folds to x, and `rotate(unrotate(y))` to y when the bases are equal.

    ```mlir
    %x = hadron.unrotate %y : !hadron.rotated<tensor<?x576xf32>, #hadron.rotation<[#hadron.wht<64>]>> -> tensor<?x576xf32>
    ```
  }];
  let arguments = (ins Hadron_AnyRotated:$input);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Hadron_FWHTOp : Hadron_Op<"fwht", [Pure, SameOperandsAndResultType, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "A rotation as arithmetic on a plain tensor";
  let description = [{
    y = scale * R x on the last axis, or scale * R^T x when `inverse`. This is what `rotate` and `unrotate` lower to once the basis has done its work; graphs that
    contain Hadamard transforms of any scale are raised to it. Adjoint: the same with `inverse` flipped.

    ```mlir
    %y = hadron.fwht %x by #hadron.rotation<[#hadron.wht<64>]> {scale = 8.0 : f64} : tensor<?x576xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, Hadron_RotationAttr:$rotation, DefaultValuedAttr<F64Attr, "1.0">:$scale, UnitAttr:$inverse);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = "$input `by` $rotation attr-dict `:` type($input)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Hadron_AddOp : Hadron_Op<"add", [Pure, Commutative, SameOperandsAndResultType, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Sum of two values in the same basis";
  let description = [{
    R x + R y = R (x + y): the basis is kept.

    ```mlir
    %z = hadron.add %x, %y : !hadron.rotated<tensor<?x576xf32>, #hadron.rotation<[#hadron.wht<64>]>>
    ```
  }];
  let arguments = (ins Hadron_AnyBasis:$lhs, Hadron_AnyBasis:$rhs);
  let results = (outs Hadron_AnyBasis:$output);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($output)";
}

def Hadron_CastOp : Hadron_Op<"cast", [Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Change of precision";
  let description = [{
    Rounds to nearest, ties to even. The basis is kept.

    ```mlir
    %y = hadron.cast %x : tensor<?x576xf32> -> tensor<?x576xf16>
    ```
  }];
  let arguments = (ins Hadron_AnyBasis:$input);
  let results = (outs Hadron_AnyBasis:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // HADRON_ROTATION_OPS_TD
