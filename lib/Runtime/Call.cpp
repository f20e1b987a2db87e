//===- Call.cpp - planning and running an entry -----------------------------------------------------------------===//
//
// Whatever a call needs to know is gathered into one Call on the caller's stack; nothing is shared between calls but
// the pool, the weights and the kept workspaces.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

using namespace hadron::rt;

namespace {

/// What the runtime knows of a call beyond what generated code sees, which comes first.
struct Call {
  hadron_rt_call shared = {};
  hadron_library *library;
  const hadron_rt_entry *entry = nullptr;
  int64_t threads;
  hadron_state *const *states;
  size_t stateCount;
  size_t locked = 0; ///< how many of the states this call holds
  const void **inputs;
  void **outputs;
  int64_t *inDims, *stateDims, *outDims;
  void **stateData;
  int64_t outDimCount = 0;
  int64_t workspaceBytes = 0;

  Call(hadron_library *library, hadron_state *const *states, size_t stateCount)
      : library(library), threads(load(library->threads)), states(states), stateCount(stateCount) {}
  ~Call() {
    for (size_t i = 0; i < locked; ++i)
      release(states[i]->busy);
    if (memory != small)
      free(memory);
  }
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;

  int findEntry(const char *name);
  int allocate();
  int readInputs(const hadron_tensor *tensors, size_t count, bool needsData);
  int readOutputs(const hadron_tensor *tensors, size_t count);
  int checkStates();
  int lockStates();
  int plan();
  /// The new length of the state that a slot belongs to.
  int64_t newLength(int64_t slot) const { return outDims[outDimCount + slot]; }

private:
  int readTensors(const char *kind, const hadron_rt_tensor *expected, int64_t expectedCount,
                  const hadron_tensor *tensors, size_t count, bool needsData, void **data, const int64_t *wanted,
                  int64_t *dims);
  hadron_state *stateOf(const hadron_rt_state &group) const;
  int planFailed(int64_t check);
  int checkCapacity();

  alignas(16) char small[4096]; ///< enough for the tables of most entries
  char *memory = small;
};

} // namespace

int Call::findEntry(const char *name) {
  const hadron_rt_descriptor &d = *library->descriptor;
  if (!name) {
    if (d.entry_count != 1)
      return fail(library, HADRON_INVALID, "library '%s' has %lld entries; name one", d.name, (long long)d.entry_count);
    entry = d.entries;
    return HADRON_OK;
  }
  for (int64_t i = 0; i < d.entry_count && !entry; ++i)
    if (!strcmp(d.entries[i].name, name))
      entry = &d.entries[i];
  return entry ? HADRON_OK : fail(library, HADRON_INVALID, "library '%s' has no entry '%s'", d.name, name);
}

/// Room for the tables that generated code reads and writes.
int Call::allocate() {
  int64_t inDimCount = 0;
  for (int64_t i = 0; i < entry->input_count; ++i)
    inDimCount += entry->inputs[i].rank;
  for (int64_t i = 0; i < entry->output_count; ++i)
    outDimCount += entry->outputs[i].rank;
  int64_t slots = entry->slot_count;
  // plan may store two numbers in out_dims whatever the outputs are.
  int64_t words = entry->input_count + entry->output_count + inDimCount + 3 * slots + outDimCount + slots + 2 + slots;
  if (words * 8 > (int64_t)sizeof small) {
    memory = static_cast<char *>(malloc(words * 8));
    if (!memory) {
      memory = small;
      return fail(library, HADRON_MEMORY, "entry '%s': out of memory", entry->name);
    }
  }
  char *next = memory;
  auto take = [&next](int64_t count) {
    char *result = next;
    next += count * 8;
    return result;
  };
  inputs = reinterpret_cast<const void **>(take(entry->input_count));
  outputs = reinterpret_cast<void **>(take(entry->output_count));
  stateData = reinterpret_cast<void **>(take(slots));
  inDims = reinterpret_cast<int64_t *>(take(inDimCount));
  stateDims = reinterpret_cast<int64_t *>(take(3 * slots));
  outDims = reinterpret_cast<int64_t *>(take(outDimCount + slots + 2));
  return HADRON_OK;
}

/// Checks tensors against what the entry says and, where `wanted` is given, against these sizes; fills `dims` where it
/// is.
int Call::readTensors(const char *kind, const hadron_rt_tensor *expected, int64_t expectedCount,
                      const hadron_tensor *tensors, size_t count, bool needsData, void **data, const int64_t *wanted,
                      int64_t *dims) {
  if (count != (size_t)expectedCount)
    return fail(library, HADRON_INVALID, "entry '%s' has %lld %ss; the call passes %zu", entry->name,
                (long long)expectedCount, kind, count);
  if (count && !tensors)
    return fail(library, HADRON_INVALID, "entry '%s': the %ss are NULL", entry->name, kind);
  const char *next = reinterpret_cast<const char *>(tensors);
  for (size_t i = 0; i < count; ++i) {
    const hadron_rt_tensor &e = expected[i];
    const hadron_tensor *tensor = reinterpret_cast<const hadron_tensor *>(next);
    hadron_tensor t;
    Text what;
    what.add("entry '%s': %s '%s'", entry->name, kind, e.name);
    if (int status = readTensor(library, what, tensor, e.dtype, e.rank, (uint64_t)e.basis, needsData, t))
      return status;
    next += tensor->struct_size; // the caller's structure may be newer, and longer
    for (int64_t j = 0; j < e.rank; ++j) {
      int64_t size = wanted ? *wanted++ : e.dims[j];
      if (size >= 0 && t.shape[j] != size) {
        what.add(": dimension %lld ", (long long)j);
        if (e.dims[j] < 0)
          what.add("('%s') ", e.dim_texts[j]);
        what.add("is %lld; it must be %lld", (long long)t.shape[j], (long long)size);
        return fail(library, HADRON_INVALID, what);
      }
      if (dims)
        *dims++ = t.shape[j];
    }
    data[i] = t.data;
  }
  return HADRON_OK;
}

int Call::readInputs(const hadron_tensor *tensors, size_t count, bool needsData) {
  return readTensors("input", entry->inputs, entry->input_count, tensors, count, needsData, const_cast<void **>(inputs),
                     nullptr, inDims);
}

int Call::readOutputs(const hadron_tensor *tensors, size_t count) {
  return readTensors("output", entry->outputs, entry->output_count, tensors, count, /*needsData=*/true, outputs,
                     outDims, nullptr);
}

hadron_state *Call::stateOf(const hadron_rt_state &group) const {
  for (size_t i = 0; i < stateCount; ++i)
    if (states[i]->group == &group)
      return states[i];
  return nullptr;
}

/// The states are the ones that the entry needs, each once.
int Call::checkStates() {
  const hadron_rt_descriptor &d = *library->descriptor;
  if (stateCount && !states)
    return fail(library, HADRON_INVALID, "entry '%s': the states are NULL", entry->name);
  for (size_t i = 0; i < stateCount; ++i) {
    if (!states[i] || states[i]->library->descriptor != library->descriptor)
      return fail(library, HADRON_INVALID, "entry '%s': state %zu is %s", entry->name, i,
                  states[i] ? "of another library" : "NULL");
    const hadron_rt_state *group = states[i]->group;
    bool used = false;
    for (int64_t slot = 0; slot < entry->slot_count; ++slot)
      used |= &d.states[entry->slots[slot].state] == group;
    if (!used)
      return fail(library, HADRON_INVALID, "entry '%s' does not use a state '%s'", entry->name, group->name);
    for (size_t j = 0; j < i; ++j)
      if (states[j]->group == group)
        return fail(library, HADRON_INVALID, "entry '%s': two states '%s' were passed", entry->name, group->name);
  }
  for (int64_t slot = 0; slot < entry->slot_count; ++slot)
    if (const hadron_rt_state &group = d.states[entry->slots[slot].state]; !stateOf(group))
      return fail(library, HADRON_INVALID, "entry '%s' needs a state '%s'; make one with hadron_state_create",
                  entry->name, group.name);
  return HADRON_OK;
}

int Call::lockStates() {
  for (; locked < stateCount; ++locked)
    if (!tryAcquire(states[locked]->busy))
      return fail(library, HADRON_BUSY, "entry '%s': state '%s' is in use by another call", entry->name,
                  states[locked]->group->name);
  return HADRON_OK;
}

int Call::planFailed(int64_t index) {
  if (index >= entry->check_count)
    return fail(library, HADRON_FAILED, "entry '%s': these sizes are not allowed", entry->name);
  const hadron_rt_check &check = entry->checks[index];
  int64_t wanted = outDims[0], found = outDims[1];
  if (found < 0 && check.input >= 0 && check.input < entry->input_count) {
    const int64_t *dims = inDims;
    for (int64_t i = 0; i < check.input; ++i)
      dims += entry->inputs[i].rank;
    found = dims[check.dim];
  }
  Text text;
  text.add("entry '%s': %s", entry->name, check.text);
  if (wanted >= 0)
    text.add(" = %lld", (long long)wanted);
  if (found >= 0)
    text.add("; the call passes %lld", (long long)found);
  return fail(library, HADRON_INVALID, text);
}

int Call::checkCapacity() {
  for (int64_t slot = 0; slot < entry->slot_count; ++slot) {
    const hadron_rt_state &group = library->descriptor->states[entry->slots[slot].state];
    int64_t length = stateDims[3 * slot + 1], capacity = stateDims[3 * slot + 2];
    if (newLength(slot) < 0)
      return fail(library, HADRON_FAILED, "entry '%s': the new length of state '%s' is negative", entry->name,
                  group.name);
    if (newLength(slot) > capacity)
      return fail(library, HADRON_CAPACITY,
                  "entry '%s': state '%s' holds %lld rows and the call adds %lld, which is more than its capacity of "
                  "%lld",
                  entry->name, group.name, (long long)length, (long long)(newLength(slot) - length),
                  (long long)capacity);
  }
  return HADRON_OK;
}

int Call::plan() {
  const hadron_rt_descriptor &d = *library->descriptor;
  for (int64_t slot = 0; slot < entry->slot_count; ++slot) {
    const hadron_rt_slot &s = entry->slots[slot];
    hadron_state *state = stateOf(d.states[s.state]);
    stateDims[3 * slot] = state->batch;
    stateDims[3 * slot + 1] = load(state->length);
    stateDims[3 * slot + 2] = state->capacity;
    stateData[slot] = state->data + state->offsets[s.member];
  }
  outDims[0] = outDims[1] = -1;
  workspaceBytes = entry->plan(inDims, stateDims, outDims);
  if (workspaceBytes < 0)
    return planFailed(-1 - workspaceBytes);
  return checkCapacity();
}

//===--- workspaces ---===//

namespace {
/// The workspace of one call: the caller's, or one that the library keeps.
class WorkspaceScope {
public:
  explicit WorkspaceScope(hadron_library *library) : library(library) {}
  ~WorkspaceScope() {
    if (!kept)
      return;
    pthread_mutex_lock(&library->lock);
    kept->next = library->workspaces;
    library->workspaces = kept;
    pthread_mutex_unlock(&library->lock);
  }
  WorkspaceScope(const WorkspaceScope &) = delete;
  WorkspaceScope &operator=(const WorkspaceScope &) = delete;

  int take(const char *entry, int64_t needed, void *given, size_t givenBytes);
  char *data = nullptr;

private:
  hadron_library *library;
  Workspace *kept = nullptr;
};
} // namespace

int WorkspaceScope::take(const char *entry, int64_t needed, void *given, size_t givenBytes) {
  if (given) {
    if (givenBytes < (size_t)needed)
      return fail(library, HADRON_MEMORY, "entry '%s': the workspace has %zu bytes; these sizes need %lld", entry,
                  givenBytes, (long long)needed);
    if ((uintptr_t)given % 64)
      return fail(library, HADRON_INVALID, "entry '%s': the workspace is not aligned to 64 bytes", entry);
    data = static_cast<char *>(given);
    return HADRON_OK;
  }
  if (!needed)
    return HADRON_OK;
  pthread_mutex_lock(&library->lock);
  if ((kept = library->workspaces))
    library->workspaces = kept->next;
  pthread_mutex_unlock(&library->lock);
  if (!kept && !(kept = static_cast<Workspace *>(calloc(1, sizeof(Workspace)))))
    return fail(library, HADRON_MEMORY, "entry '%s': out of memory", entry);
  if (kept->bytes < (size_t)needed) {
    freePages(kept->data, kept->bytes);
    kept->data = allocatePages(needed);
    kept->bytes = kept->data ? needed : 0;
    if (!kept->data)
      return fail(library, HADRON_MEMORY, "entry '%s': there is no memory for a workspace of %lld bytes", entry,
                  (long long)needed);
  }
  data = static_cast<char *>(kept->data);
  return HADRON_OK;
}

//===--- launches ---===//

static void runPartOfHost(void *job, int64_t part) {
  FloatingPointScope scope;
  const Job &j = *static_cast<const Job *>(job);
  j.task(j.slots, j.partBegin(part), j.partBegin(part + 1));
}

/// What hadron_rt_call::launch points to.
static void launch(hadron_rt_call *shared, void *const *table, void *const *slots, int64_t work, int64_t grain) {
  Call *call = reinterpret_cast<Call *>(shared);
  if (work <= 0)
    return;
  if (grain < 1)
    grain = 1;
  hadron_rt_task task = reinterpret_cast<hadron_rt_task>(table[shared->isa]);
  int64_t most = work / grain + (work % grain != 0), parts = most < call->threads ? most : call->threads;
  if (parts <= 1)
    return task(slots, 0, work);
  Job job = {task, slots, work, parts};
  const hadron_options &options = call->library->options;
  if (options.parallel_for)
    options.parallel_for(options.parallel_for_user, parts, runPartOfHost, &job);
  else
    runOnPool(job);
}

extern "C" void hadron_rt_launch(hadron_rt_call *call, void *const *table, void *const *slots, int64_t work,
                                 int64_t grain) {
  // Through the call: the runtime that made it may be another library's, whose pool is then the one in use.
  call->launch(call, table, slots, work, grain);
}

//===--- the interface ---===//

extern "C" {

int hadron_entry_plan(hadron_library *library, const char *name, const hadron_tensor *inputs, size_t input_count,
                      hadron_state *const *states, size_t state_count, int64_t *output_shapes,
                      size_t *workspace_bytes) {
  if (!library)
    return HADRON_INVALID;
  Call call(library, states, state_count);
  int status = call.findEntry(name);
  if (!status)
    status = call.allocate();
  if (!status)
    status = call.readInputs(inputs, input_count, /*needsData=*/false);
  if (!status)
    status = call.checkStates();
  if (!status)
    status = call.plan();
  if (status)
    return status;
  if (output_shapes && call.outDimCount)
    memcpy(output_shapes, call.outDims, call.outDimCount * sizeof(int64_t));
  if (workspace_bytes)
    *workspace_bytes = call.workspaceBytes;
  return HADRON_OK;
}

int hadron_run(hadron_library *library, const char *name, const hadron_tensor *inputs, size_t input_count,
               const hadron_tensor *outputs, size_t output_count, hadron_state *const *states, size_t state_count,
               void *workspace, size_t workspace_bytes, hadron_stream stream) {
  if (!library)
    return HADRON_INVALID;
  if (stream)
    return fail(library, HADRON_INVALID, "the stream must be NULL: library '%s' runs on the CPU",
                library->descriptor->name);
  Call call(library, states, state_count);
  WorkspaceScope scratch(library);
  int status = call.findEntry(name);
  if (!status)
    status = call.allocate();
  if (!status)
    status = call.readInputs(inputs, input_count, /*needsData=*/true);
  if (!status)
    status = call.checkStates();
  if (!status)
    status = call.lockStates();
  if (!status)
    status = call.plan();
  if (!status)
    status = call.readOutputs(outputs, output_count);
  if (!status)
    status = scratch.take(call.entry->name, call.workspaceBytes, workspace, workspace_bytes);
  if (status)
    return status;

  hadron_rt_call &shared = call.shared;
  shared.abi = HADRON_RT_ABI;
  shared.library = library;
  shared.inputs = call.inputs;
  shared.outputs = call.outputs;
  shared.in_dims = call.inDims;
  shared.state_dims = call.stateDims;
  shared.state_data = call.stateData;
  shared.weights = library->weights.data;
  shared.workspace = scratch.data;
  shared.isa = library->isa;
  shared.stream = stream;
  shared.launch = launch;
  int32_t failure;
  {
    FloatingPointScope scope;
    failure = call.entry->run(&shared);
  }
  if (failure)
    return fail(library, HADRON_FAILED, "entry '%s' failed with code %d", call.entry->name, failure);
  for (int64_t slot = 0; slot < call.entry->slot_count; ++slot)
    for (size_t i = 0; i < state_count; ++i)
      if (states[i]->group == &library->descriptor->states[call.entry->slots[slot].state])
        store(states[i]->length, call.newLength(slot));
  return HADRON_OK;
}

} // extern "C"
