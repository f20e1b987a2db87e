//===- State.cpp - what a library remembers between calls -------------------------------------------------------===//
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

using namespace hadron::rt;

namespace {
/// Holds a state for one function.
class StateLock {
public:
  explicit StateLock(hadron_state *state) : state(state), held(tryAcquire(state->busy)) {}
  ~StateLock() {
    if (held)
      release(state->busy);
  }
  StateLock(const StateLock &) = delete;
  StateLock &operator=(const StateLock &) = delete;
  /// A hadron_status.
  int status() const {
    return held ? (int)HADRON_OK
                : fail(state->library, HADRON_BUSY, "state '%s' is in use by another call", state->group->name);
  }

private:
  hadron_state *state;
  bool held;
};
} // namespace

extern "C" {

int hadron_state_create(hadron_library *library, const char *name, int64_t batch, int64_t capacity,
                        hadron_state **result) {
  if (!library)
    return HADRON_INVALID;
  if (!result || !name)
    return fail(library, HADRON_INVALID, "the %s of the state is NULL", name ? "place" : "name");
  *result = nullptr;
  const hadron_rt_descriptor &d = *library->descriptor;
  const hadron_rt_state *group = nullptr;
  for (int64_t i = 0; i < d.state_count && !group; ++i)
    if (!strcmp(d.states[i].name, name))
      group = &d.states[i];
  if (!group)
    return fail(library, HADRON_INVALID, "library '%s' has no state '%s'", d.name, name);
  if (batch < 1 || capacity < 1)
    return fail(library, HADRON_INVALID, "state '%s': batch is %lld and capacity %lld; both must be at least 1", name,
                (long long)batch, (long long)capacity);

  hadron_state *state =
      static_cast<hadron_state *>(calloc(1, sizeof(hadron_state) + (size_t)group->member_count * sizeof(int64_t)));
  if (!state)
    return fail(library, HADRON_MEMORY, "state '%s': out of memory", name);
  int64_t bytes = 0;
  bool tooLarge = false;
  for (int64_t i = 0; i < group->member_count; ++i) {
    const hadron_rt_member &m = group->members[i];
    int64_t size = m.row_bytes;
    tooLarge |= __builtin_mul_overflow(size, m.heads, &size) || __builtin_mul_overflow(size, batch, &size) ||
                __builtin_mul_overflow(size, capacity, &size) || size > ((int64_t)1 << 46) - bytes - 64;
    if (tooLarge)
      break;
    state->offsets[i] = bytes;
    bytes += (size + 63) / 64 * 64;
  }
  state->bytes = bytes ? bytes : 64;
  state->data = tooLarge ? nullptr : static_cast<char *>(allocatePages(state->bytes));
  if (!state->data) {
    free(state);
    return fail(library, HADRON_MEMORY, "there is no memory for a state '%s' with batch %lld and capacity %lld", name,
                (long long)batch, (long long)capacity);
  }
  state->library = library;
  state->group = group;
  state->batch = batch;
  state->capacity = capacity;
  retain(library);
  *result = state;
  return HADRON_OK;
}

void hadron_state_destroy(hadron_state *state) {
  if (!state)
    return;
  hadron_library *library = state->library;
  freePages(state->data, state->bytes);
  free(state);
  dropReference(library);
}

int64_t hadron_state_length(const hadron_state *state) { return state ? load(state->length) : 0; }
int64_t hadron_state_capacity(const hadron_state *state) { return state ? state->capacity : 0; }
int64_t hadron_state_batch(const hadron_state *state) { return state ? state->batch : 0; }

} // extern "C"

static int setLength(hadron_state *state, int64_t length) {
  if (!state)
    return HADRON_INVALID;
  StateLock lock(state);
  if (int status = lock.status())
    return status;
  if (length < 0 || length > state->capacity)
    return fail(state->library, HADRON_CAPACITY, "state '%s': length %lld is not between 0 and its capacity of %lld",
                state->group->name, (long long)length, (long long)state->capacity);
  store(state->length, length);
  return HADRON_OK;
}

/// Copies rows between a member and a plain tensor: of the tensor's, or as many as the state has.
static int copyRows(hadron_state *state, size_t member, const hadron_tensor *tensor, bool toState) {
  if (!state)
    return HADRON_INVALID;
  hadron_library *library = state->library;
  const hadron_rt_state &group = *state->group;
  if (member >= (size_t)group.member_count)
    return fail(library, HADRON_INVALID, "state '%s' has no member %zu; it has %lld", group.name, member,
                (long long)group.member_count);
  const hadron_rt_member &m = group.members[member];
  Text what;
  what.add("member '%s' of state '%s'", m.name, group.name);
  if (!m.dtype)
    return fail(library, HADRON_UNSUPPORTED, "%s is packed; it has no plain form", what.data);
  if (!tensor)
    return fail(library, HADRON_INVALID, "%s: the tensor is NULL", what.data);
  hadron_tensor t;
  if (int status = readTensor(library, what, tensor, m.dtype, 4, (uint64_t)m.basis, /*needsData=*/true, t))
    return status;
  StateLock lock(state);
  if (int status = lock.status())
    return status;
  int64_t rows = toState ? t.shape[2] : load(state->length);
  if (rows > state->capacity)
    return fail(library, HADRON_CAPACITY, "%s: %lld rows are more than its capacity of %lld", what.data,
                (long long)rows, (long long)state->capacity);
  const int64_t wanted[] = {state->batch, m.heads, rows, m.dim};
  for (int i = 0; i < 4; ++i)
    if (t.shape[i] != wanted[i])
      return fail(library, HADRON_INVALID,
                  "%s: the tensor is [%lld, %lld, %lld, %lld]; it must be [%lld, %lld, %lld, %lld]", what.data,
                  (long long)t.shape[0], (long long)t.shape[1], (long long)t.shape[2], (long long)t.shape[3],
                  (long long)wanted[0], (long long)wanted[1], (long long)wanted[2], (long long)wanted[3]);
  size_t bytes = (size_t)(rows * m.row_bytes), stride = (size_t)(state->capacity * m.row_bytes);
  char *plain = static_cast<char *>(t.data), *own = state->data + state->offsets[member];
  for (int64_t i = 0; bytes && i < state->batch * m.heads; ++i, plain += bytes, own += stride)
    memcpy(toState ? own : plain, toState ? plain : own, bytes);
  return HADRON_OK;
}

extern "C" {

int hadron_state_reset(hadron_state *state) { return setLength(state, 0); }
int hadron_state_set_length(hadron_state *state, int64_t length) { return setLength(state, length); }
int hadron_state_write(hadron_state *state, size_t member, const hadron_tensor *source) {
  return copyRows(state, member, source, /*toState=*/true);
}
int hadron_state_read(hadron_state *state, size_t member, const hadron_tensor *target) {
  return copyRows(state, member, target, /*toState=*/false);
}

} // extern "C"
