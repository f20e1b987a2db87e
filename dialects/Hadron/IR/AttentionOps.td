// Attention over explicit past and present, and over a state.
#ifndef HADRON_ATTENTION_OPS_TD
#define HADRON_ATTENTION_OPS_TD

include "HadronTypes.td"

/// Keys or values of all tokens.
def Hadron_Cache : AnyTypeOf<[Hadron_AnyState, AnyRankedTensor], "state or tensor">;

class Hadron_AttentionOp<string mnemonic, list<Trait> traits> : Hadron_Op<mnemonic, !listconcat(traits, [AttrSizedOperandSegments, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])> {
  dag options = (ins DefaultValuedAttr<F64Attr, "1.0">:$scale, DefaultValuedAttr<F64Attr, "0.0">:$softcap, UnitAttr:$causal, DefaultValuedAttr<I64Attr, "-1">:$window, UnitAttr:$heads_first);
}

def Hadron_ExplicitAttentionOp : Hadron_AttentionOp<"attention", [Pure, AttrSizedResultSegments]> {
  let summary = "Softmax attention over explicit past and present keys and values";
  let description = [{
    `query` [B, S, Hq, d], `key` and `value` [B, S', Hkv, d]; with `heads_first` the two middle axes are swapped, in the result too. `past_key`, `past_value` are [B, Hkv, P, d]; the keys are past ++ key, and
    `present_key`, `present_value` [B, Hkv, P + S', d] return them. Hq is a multiple of Hkv: query head h reads KV head h / (Hq / Hkv).

    logits = scale * q k, softcap c: c tanh(logits / c); `causal`: query i sees keys j <= j0 + i, with j0 = T - S (bottom-right aligned); `window` w >= 0: it sees the last w + 1 of these;
    `mask`: added (float), or selects (i1), broadcast over [B, Hq, S, T]; `lengths` i32 [B]: only the first lengths[b] keys of sequence b are seen, and with `causal` j0 is max(lengths[b] - S, 0).
    softmax in f32; a row with nothing to see gives zeros.

    `raise` turns past and present that are inputs and outputs of the graph into states, and this operation into `hadron.append` and `hadron.attend`.

    ```mlir
    %y = hadron.attention %q, %k, %v {causal, scale = 0.125 : f64, resultSegmentSizes = array<i32: 1, 0, 0>}
       : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
    ```
  }];
  let arguments = !con((ins AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value, Optional<AnyRankedTensor>:$past_key, Optional<AnyRankedTensor>:$past_value,
                            Optional<AnyRankedTensor>:$mask, Optional<AnyRankedTensor>:$lengths), options);
  let results = (outs AnyRankedTensor:$output, Optional<AnyRankedTensor>:$present_key, Optional<AnyRankedTensor>:$present_value);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`past` `(` $past_key^ `,` $past_value `:` type($past_key) `,` type($past_value) `)`)? (`mask` `(` $mask^ `:` type($mask) `)`)? (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type(results)
  }];
  let hasVerifier = 1;
}

def Hadron_StateLengthOp : Hadron_Op<"state.length", [Pure]> {
  let summary = "Valid tokens of a state at entry";
  let description = [{
    The number before anything is appended in this call.

    ```mlir
    %past = hadron.state.length %kv : !hadron.state<3x64xf32>
    ```
  }];
  let arguments = (ins Hadron_AnyState:$state);
  let results = (outs Index:$length);
  let assemblyFormat = "$state attr-dict `:` type($state)";
}

def Hadron_StateCapacityOp : Hadron_Op<"state.capacity", [Pure]> {
  let summary = "Tokens that a state has room for";
  let description = [{
    ```mlir
    %capacity = hadron.state.capacity %kv : !hadron.state<3x64xf32>
    ```
  }];
  let arguments = (ins Hadron_AnyState:$state);
  let results = (outs Index:$capacity);
  let assemblyFormat = "$state attr-dict `:` type($state)";
}

def Hadron_AppendOp : Hadron_Op<"append", [AllTypesMatch<["state", "output"]>]> {
  let summary = "New tokens into a state";
  let description = [{
    Writes `input` ([B, S, H, d], or [B, H, S, d] with `heads_first`) behind the first `past` tokens. The result is the state that holds them: what reads the new tokens reads it, which orders the two.
    The caller of the entry point makes the longer length valid when the call has succeeded.

    ```mlir
    %kv1 = hadron.append %k, %kv at %past : tensor<?x?x3x64xf32>, !hadron.state<3x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, Hadron_AnyState:$state, Index:$past, UnitAttr:$heads_first);
  let results = (outs Hadron_AnyState:$output);
  let assemblyFormat = "$input `,` $state `at` $past attr-dict `:` type($input) `,` type($state)";
  let hasVerifier = 1;
}

def Hadron_AttendOp : Hadron_AttentionOp<"attend", []> {
  let summary = "Softmax attention over states";
  let description = [{
    As `hadron.attention`, with keys and values in two states, or plain tensors [B, Hkv, T, d], of `total` tokens.

    ```mlir
    %y = hadron.attend %q, %keys, %values total(%t) {causal, scale = 0.125 : f64} : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x9x64xf32>
    ```
  }];
  let arguments = !con((ins AnyRankedTensor:$query, Hadron_Cache:$keys, Hadron_Cache:$values, Index:$total, Optional<AnyRankedTensor>:$mask, Optional<AnyRankedTensor>:$lengths), options);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `total` `(` $total `)` (`mask` `(` $mask^ `:` type($mask) `)`)? (`lengths` `(` $lengths^ `:` type($lengths) `)`)?
    attr-dict `:` type($query) `,` type($keys) `,` type($values) `->` type($output)
  }];
  let hasVerifier = 1;
}

#endif // HADRON_ATTENTION_OPS_TD
