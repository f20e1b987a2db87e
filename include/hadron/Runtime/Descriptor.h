//===- Descriptor.h - what generated code and the runtime know of each other ------------------------------------===//
//
// The contract between the code that the compiler emits into a library and the runtime that it links beside it. Plain
// C; every field of every structure is 8 bytes (int64_t or a pointer), so that an emitter writes each as one flat LLVM
// constant of i64 and ptr. Counts and pointers come in pairs; an empty table may have a null pointer. All texts are
// UTF-8 and end with a zero byte. Everything is constant data that lives as long as the library is loaded.
//
// The generated object of a library X must define
//
//   hadron_descriptor      a constant hadron_rt_descriptor with hidden visibility
//   X_hadron_descriptor    const void *X_hadron_descriptor(void), default visibility, the address of hadron_descriptor
//                          (X with every character that is not valid in a C identifier replaced by `_`)
//
// and may call, as a hidden undefined symbol,
//
//   hadron_rt_launch       see below
//
// It must not define any other symbol of default visibility that begins with `hadron_`.
//
// plan   int64_t plan(const int64_t *in_dims, const int64_t *state_dims, int64_t *out_dims)
//        in_dims     the dimensions of all inputs, one after another (a scalar adds none)
//        state_dims  per state slot of the entry: batch, length, capacity
//        out_dims    receives the dimensions of all outputs, one after another, then per state slot its new length
//        returns the bytes of workspace that a call needs (0: none), or -1 - (index into checks of the one that
//        failed). It may then store the size that the check asks for in out_dims[0] and the one that it found in
//        out_dims[1], so that the error has numbers; the room for two is always there, and both are -1 before the call.
//        The runtime has checked ranks, static dimensions and that no dimension is negative; it checks new lengths
//        against the capacity afterwards. Slots of one state must get the same new length.
// run    int32_t run(hadron_rt_call *call)
//        is called with arguments that plan accepted; returns 0, or anything else for a failure. It writes every output
//        and, of each state slot, the rows [length, new length).
//
// Memory: the workspace and state rows start on 64-byte boundaries, inputs and outputs on their element's, and the
// weights on a page. A state slot is dense, [batch][heads][capacity][dim]. The rows of a state past its length hold
// zeros or what an earlier call left.
//
//===------------------------------------------------------------------------------------------------------------===//
#ifndef HADRON_RUNTIME_DESCRIPTOR_H
#define HADRON_RUNTIME_DESCRIPTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Changes when a structure here changes in any way but by new fields at its end.
#define HADRON_RT_ABI 1

/// What a body needs of the processor, as bits of hadron_rt_isa::features.
#define HADRON_RT_SSE3 ((int64_t)1 << 0)
#define HADRON_RT_SSSE3 ((int64_t)1 << 1)
#define HADRON_RT_SSE4_1 ((int64_t)1 << 2)
#define HADRON_RT_SSE4_2 ((int64_t)1 << 3)
#define HADRON_RT_POPCNT ((int64_t)1 << 4)
#define HADRON_RT_CX16 ((int64_t)1 << 5)
#define HADRON_RT_LAHF ((int64_t)1 << 6)
#define HADRON_RT_AVX ((int64_t)1 << 7)
#define HADRON_RT_AVX2 ((int64_t)1 << 8)
#define HADRON_RT_FMA ((int64_t)1 << 9)
#define HADRON_RT_F16C ((int64_t)1 << 10)
#define HADRON_RT_BMI ((int64_t)1 << 11)
#define HADRON_RT_BMI2 ((int64_t)1 << 12)
#define HADRON_RT_LZCNT ((int64_t)1 << 13)
#define HADRON_RT_MOVBE ((int64_t)1 << 14)
#define HADRON_RT_AVX512F ((int64_t)1 << 15)
#define HADRON_RT_AVX512BW ((int64_t)1 << 16)
#define HADRON_RT_AVX512CD ((int64_t)1 << 17)
#define HADRON_RT_AVX512DQ ((int64_t)1 << 18)
#define HADRON_RT_AVX512VL ((int64_t)1 << 19)
#define HADRON_RT_AVX512VNNI ((int64_t)1 << 20)
#define HADRON_RT_AVX512VBMI ((int64_t)1 << 21)
#define HADRON_RT_AVX512BF16 ((int64_t)1 << 22)
#define HADRON_RT_AVX512FP16 ((int64_t)1 << 23)
#define HADRON_RT_AVXVNNI ((int64_t)1 << 24)

/// The four instruction sets by name; v3 and v4 are those of the x86-64 psABI, all that LLVM may use under that name.
#define HADRON_RT_X86_64 ((int64_t)0)
#define HADRON_RT_X86_64_V3                                                                                            \
  (HADRON_RT_SSE3 | HADRON_RT_SSSE3 | HADRON_RT_SSE4_1 | HADRON_RT_SSE4_2 | HADRON_RT_POPCNT | HADRON_RT_CX16 |        \
   HADRON_RT_LAHF | HADRON_RT_AVX | HADRON_RT_AVX2 | HADRON_RT_FMA | HADRON_RT_F16C | HADRON_RT_BMI | HADRON_RT_BMI2 | \
   HADRON_RT_LZCNT | HADRON_RT_MOVBE)
#define HADRON_RT_X86_64_V4                                                                                            \
  (HADRON_RT_X86_64_V3 | HADRON_RT_AVX512F | HADRON_RT_AVX512BW | HADRON_RT_AVX512CD | HADRON_RT_AVX512DQ |            \
   HADRON_RT_AVX512VL)
#define HADRON_RT_X86_64_V4_VNNI (HADRON_RT_X86_64_V4 | HADRON_RT_AVX512VNNI)

/// One column of every kernel table, in the tables' order. Of those that the processor can run the last one is taken.
typedef struct hadron_rt_isa {
  const char *name; ///< "x86-64", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"
  int64_t features; ///< HADRON_RT_ bits
} hadron_rt_isa;

/// An input or an output of an entry. Those that became state slots are not among them.
typedef struct hadron_rt_tensor {
  const char *name;
  int64_t dtype;                ///< hadron_dtype, the numbers of ONNX's TensorProto.DataType
  int64_t rank;                 ///< at most HADRON_RT_MAX_RANK
  const int64_t *dims;          ///< -1: dynamic
  const char *const *dim_texts; ///< "batch", "past + seq", "576"
  int64_t basis;                ///< hash of the rotation that the tensor is in; 0: the standard basis
} hadron_rt_tensor;
#define HADRON_RT_MAX_RANK 16

/// One tensor of a state: [batch][heads][capacity][dim].
typedef struct hadron_rt_member {
  const char *name;  ///< of the graph input that it came from, "past_key_values.0.key"
  int64_t dtype;     ///< 0: packed, which only its row size describes
  int64_t heads;     ///< static
  int64_t dim;       ///< static
  int64_t row_bytes; ///< of one row of dim elements; of a plain type: dim * its size
  int64_t basis;
} hadron_rt_member;

/// A group of members that share batch, length and capacity.
typedef struct hadron_rt_state {
  const char *name; ///< "kv"
  int64_t member_count;
  const hadron_rt_member *members;
} hadron_rt_state;

/// An entry's use of one member: a pair of a graph input and a graph output.
typedef struct hadron_rt_slot {
  const char *past;    ///< name of the graph input
  const char *present; ///< name of the graph output
  int64_t state;       ///< index into hadron_rt_descriptor::states
  int64_t member;      ///< index into its members
} hadron_rt_slot;

/// What plan checks, for the error: "input attention_mask, dimension 1 is 'past + seq'".
typedef struct hadron_rt_check {
  const char *text;
  int64_t input; ///< index of the input whose dimension is checked, or -1
  int64_t dim;
} hadron_rt_check;

/// One parameter; its address is the start of the mapped file + offset.
typedef struct hadron_rt_param {
  const char *name;
  int64_t offset; ///< from the first byte of the file, a multiple of 64
  int64_t bytes;
} hadron_rt_param;

/// The weights file: a safetensors container (u64 size of the header, the header as JSON, the data).
typedef struct hadron_rt_weights {
  const char *file;    ///< its name in the library's folder, "X.weights"
  int64_t bytes;       ///< its whole size
  int64_t header_hash; ///< hadron_rt_hash of the 8 bytes of the header's size and the header. Equal shapes give equal
                       ///< headers, so the header's __metadata__ should hold a hash of the data.
  int64_t param_count;
  const hadron_rt_param *params;
} hadron_rt_weights;

typedef struct hadron_rt_call hadron_rt_call;

typedef struct hadron_rt_entry {
  const char *name;
  int64_t input_count;
  const hadron_rt_tensor *inputs;
  int64_t output_count;
  const hadron_rt_tensor *outputs;
  int64_t slot_count;
  const hadron_rt_slot *slots;
  int64_t check_count;
  const hadron_rt_check *checks;
  int64_t (*plan)(const int64_t *in_dims, const int64_t *state_dims, int64_t *out_dims);
  int32_t (*run)(hadron_rt_call *call);
} hadron_rt_entry;

typedef struct hadron_rt_descriptor {
  int64_t abi;          ///< HADRON_RT_ABI
  const char *name;     ///< X
  const char *version;  ///< Hadron's
  const char *manifest; ///< the text of X.json
  int64_t manifest_bytes;
  int64_t isa_count;
  const hadron_rt_isa *isas;
  int64_t entry_count;
  const hadron_rt_entry *entries;
  int64_t state_count;
  const hadron_rt_state *states;
  const hadron_rt_weights *weights; ///< null: no weights
} hadron_rt_descriptor;

/// A kernel's task: work items [begin, end) over its slots.
typedef void (*hadron_rt_task)(void *const *slots, int64_t begin, int64_t end);

/// One call of an entry.
struct hadron_rt_call {
  int64_t abi;
  void *library;             ///< of the runtime
  const void *const *inputs; ///< addresses, in the order of the entry's inputs
  void *const *outputs;
  const int64_t *in_dims; ///< as plan got them
  const int64_t *state_dims;
  void *const *state_data; ///< per state slot its first byte
  const char *weights;     ///< the mapped file
  char *workspace;         ///< aligned to 64 bytes, as large as plan said
  int64_t isa;             ///< index of the instruction set in every kernel table
  void *stream;            ///< null on a CPU
  void (*launch)(hadron_rt_call *call, void *const *table, void *const *slots, int64_t work, int64_t grain);
};

/// Runs table[call->isa](slots, begin, end) over [0, work), cut into ranges as the threads get to them, and returns
/// when all of them are done. `grain` items are worth a thread: at most work / grain, rounded up, take part. grain < 1
/// counts as 1.
__attribute__((visibility("hidden"))) void hadron_rt_launch(hadron_rt_call *call, void *const *table,
                                                            void *const *slots, int64_t work, int64_t grain);

/// FNV-1a with 64 bits.
static inline int64_t hadron_rt_hash(const void *data, size_t size) {
  const unsigned char *bytes = (const unsigned char *)data;
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  return (int64_t)hash;
}

#ifdef __cplusplus
}

// A field that is not 8 bytes, or one that moved, breaks every emitter: it fails here first.
static_assert(sizeof(hadron_rt_isa) == 2 * 8, "hadron_rt_isa");
static_assert(sizeof(hadron_rt_tensor) == 6 * 8 && offsetof(hadron_rt_tensor, basis) == 40, "hadron_rt_tensor");
static_assert(sizeof(hadron_rt_member) == 6 * 8 && offsetof(hadron_rt_member, basis) == 40, "hadron_rt_member");
static_assert(sizeof(hadron_rt_state) == 3 * 8, "hadron_rt_state");
static_assert(sizeof(hadron_rt_slot) == 4 * 8, "hadron_rt_slot");
static_assert(sizeof(hadron_rt_check) == 3 * 8, "hadron_rt_check");
static_assert(sizeof(hadron_rt_param) == 3 * 8, "hadron_rt_param");
static_assert(sizeof(hadron_rt_weights) == 5 * 8 && offsetof(hadron_rt_weights, params) == 32, "hadron_rt_weights");
static_assert(sizeof(hadron_rt_entry) == 11 * 8 && offsetof(hadron_rt_entry, plan) == 72, "hadron_rt_entry");
static_assert(sizeof(hadron_rt_descriptor) == 12 * 8 && offsetof(hadron_rt_descriptor, weights) == 88,
              "hadron_rt_descriptor");
static_assert(sizeof(hadron_rt_call) == 12 * 8 && offsetof(hadron_rt_call, isa) == 72 &&
                  offsetof(hadron_rt_call, launch) == 88,
              "hadron_rt_call");
#endif

#endif // HADRON_RUNTIME_DESCRIPTOR_H
