//===- FakeModel.h - a library written by hand as the compiler would make it -----------------------------*- C++
//-*-===//
//
// Entry "step": x float32 [batch, seq, 4] in basis 0xabc, mask int64 [batch, past + seq]; y float32 [batch, seq, 4].
// y = x * w + 1, by way of the workspace; the state "kv" gets the rows of x, cut into 2 heads of 2, as member "key",
// and their negation in f32 as member "value". Entry "isa": n int32 [n] -> the index of the instruction set, int32 [n].
//
//===------------------------------------------------------------------------------------------------------------===//
#ifndef HADRON_TEST_UNIT_RUNTIME_FAKEMODEL_H
#define HADRON_TEST_UNIT_RUNTIME_FAKEMODEL_H

#include "hadron/Runtime/Descriptor.h"

namespace fake {

constexpr int64_t features = 4, heads = 2, headDim = 2, weightOffset = 128;
constexpr int64_t basis = 0xabc;

inline int64_t planStep(const int64_t *in, const int64_t *state, int64_t *out) {
  int64_t batch = in[0], seq = in[1], past = state[1];
  auto differs = [out](int64_t wanted, int64_t found) {
    out[0] = wanted;
    out[1] = found;
    return wanted != found;
  };
  if (differs(batch, in[3]))
    return -1;
  if (differs(past + seq, in[4]))
    return -2;
  if (differs(batch, state[0]))
    return -3;
  out[0] = batch;
  out[1] = seq;
  out[2] = features;
  out[3] = out[4] = past + seq;
  return batch * seq * features * 4;
}

inline void scale(void *const *slots, int64_t begin, int64_t end) {
  const float *x = static_cast<const float *>(slots[0]), *w = static_cast<const float *>(slots[1]);
  float *y = static_cast<float *>(slots[2]);
  for (int64_t i = begin; i < end; ++i)
    y[i] = w ? x[i] * w[0] : x[i] * 2;
}
inline void addOne(void *const *slots, int64_t begin, int64_t end) {
  const float *x = static_cast<const float *>(slots[0]);
  float *y = static_cast<float *>(slots[1]);
  for (int64_t i = begin; i < end; ++i)
    y[i] = x[i] + 1;
}

inline int32_t runStep(hadron_rt_call *call) {
  int64_t batch = call->in_dims[0], seq = call->in_dims[1], past = call->state_dims[1], capacity = call->state_dims[2];
  void *const scaleTable[] = {(void *)scale, (void *)scale}, *const addTable[] = {(void *)addOne, (void *)addOne};
  void *x = const_cast<void *>(call->inputs[0]);
  void *w = call->weights ? const_cast<char *>(call->weights + weightOffset) : nullptr;
  void *const scaleSlots[] = {x, w, call->workspace};
  hadron_rt_launch(call, scaleTable, scaleSlots, batch * seq * features, 3);
  void *const addSlots[] = {call->workspace, call->outputs[0]};
  hadron_rt_launch(call, addTable, addSlots, batch * seq * features, 5);
  float *key = static_cast<float *>(call->state_data[0]), *value = static_cast<float *>(call->state_data[1]);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t s = 0; s < seq; ++s)
        for (int64_t d = 0; d < headDim; ++d) {
          int64_t row = (b * heads + h) * capacity + past + s;
          key[row * headDim + d] = static_cast<float *>(x)[((b * seq + s) * heads + h) * headDim + d];
          value[row * headDim + d] = -key[row * headDim + d];
        }
  return 0;
}

inline int64_t planIsa(const int64_t *in, const int64_t *, int64_t *out) {
  out[0] = in[0];
  return 0;
}
inline void writeZero(void *const *slots, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<int32_t *>(slots[0])[i] = 0;
}
inline void writeOne(void *const *slots, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<int32_t *>(slots[0])[i] = 1;
}
inline int32_t runIsa(hadron_rt_call *call) {
  void *const table[] = {(void *)writeZero, (void *)writeOne};
  void *const slots[] = {call->outputs[0]};
  hadron_rt_launch(call, table, slots, call->in_dims[0], 64);
  return call->in_dims[0] == 13 ? 7 : 0; // a failure to test with
}

inline constexpr int64_t xDims[] = {-1, -1, features}, maskDims[] = {-1, -1}, nDims[] = {-1};
inline constexpr const char *xTexts[] = {"batch", "seq", "4"}, *maskTexts[] = {"batch", "past + seq"},
                            *nTexts[] = {"n"};
inline constexpr hadron_rt_tensor stepInputs[] = {{"x", 1, 3, xDims, xTexts, basis},
                                                  {"mask", 7, 2, maskDims, maskTexts, 0}};
inline constexpr hadron_rt_tensor stepOutputs[] = {{"y", 1, 3, xDims, xTexts, 0}};
inline constexpr hadron_rt_tensor isaInputs[] = {{"n", 6, 1, nDims, nTexts, 0}},
                                  isaOutputs[] = {{"i", 6, 1, nDims, nTexts, 0}};
inline constexpr hadron_rt_member members[] = {{"past.key", 1, heads, headDim, headDim * 4, basis},
                                               {"past.value", 1, heads, headDim, headDim * 4, 0}};
inline constexpr hadron_rt_state states[] = {{"kv", 2, members}};
inline constexpr hadron_rt_slot slots[] = {{"past.key", "present.key", 0, 0}, {"past.value", "present.value", 0, 1}};
inline constexpr hadron_rt_check checks[] = {{"input mask, dimension 0 is 'batch'", 1, 0},
                                             {"input mask, dimension 1 is 'past + seq'", 1, 1},
                                             {"state kv, batch is 'batch'", -1, 0}};
inline constexpr hadron_rt_entry entries[] = {
    {"step", 2, stepInputs, 1, stepOutputs, 2, slots, 3, checks, planStep, runStep},
    {"isa", 1, isaInputs, 1, isaOutputs, 0, nullptr, 0, nullptr, planIsa, runIsa}};
inline constexpr hadron_rt_isa isas[] = {{"x86-64", HADRON_RT_X86_64}, {"x86-64-v3", HADRON_RT_X86_64_V3}};

constexpr hadron_rt_descriptor descriptor(const char *name, const hadron_rt_weights *weights) {
  return {HADRON_RT_ABI, name, "0.1.0", "{}", 2, 2, isas, 2, entries, 1, states, weights};
}

} // namespace fake

#endif // HADRON_TEST_UNIT_RUNTIME_FAKEMODEL_H
