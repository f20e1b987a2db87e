//===- Library.cpp - opening, closing, and what is in a library -------------------------------------------------===//
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // dladdr
#endif
#include "Internal.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

using namespace hadron::rt;

/// Open libraries of this shared object (atomic): the pool lives as long as there is one.
static int32_t openLibraries;

namespace hadron::rt {

int fail(hadron_library *library, int status, const Text &text) {
  pthread_t self = pthread_self();
  pthread_mutex_lock(&library->lock);
  ThreadError *error = library->errors;
  while (error && !pthread_equal(error->thread, self))
    error = error->next;
  if (!error && (error = static_cast<ThreadError *>(malloc(sizeof(ThreadError))))) {
    error->thread = self;
    error->next = library->errors;
    library->errors = error;
  }
  pthread_mutex_unlock(&library->lock);
  if (error)
    error->text = text;
  return status;
}

int fail(hadron_library *library, int status, const char *format, ...) {
  Text text;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text.data, sizeof text.data, format, arguments);
  va_end(arguments);
  return fail(library, status, text);
}

void retain(hadron_library *library) { __atomic_add_fetch(&library->references, 1, __ATOMIC_RELAXED); }

void dropReference(hadron_library *library) {
  if (__atomic_sub_fetch(&library->references, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  for (ThreadError *error = library->errors; error;) {
    ThreadError *next = error->next;
    free(error);
    error = next;
  }
  for (Workspace *workspace = library->workspaces; workspace;) {
    Workspace *next = workspace->next;
    freePages(workspace->data, workspace->bytes);
    free(workspace);
    workspace = next;
  }
  unmapWeights(library->weights);
  pthread_mutex_destroy(&library->lock);
  free(library);
  if (__atomic_sub_fetch(&openLibraries, 1, __ATOMIC_ACQ_REL) == 0)
    stopPool();
}

} // namespace hadron::rt

/// The option, else HADRON_THREADS, else the processors that there are. 0 and a sentence when one of them is no number.
static int32_t chooseThreads(int32_t option, Text &error) {
  if (option < 0 || option > maxThreads) {
    error.add("threads is %d; it must be from 1 to %d, or 0 for the default", option, maxThreads);
    return 0;
  }
  if (option)
    return option;
  if (const char *text = getenv("HADRON_THREADS"); text && *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > maxThreads) {
      error.add("HADRON_THREADS is '%s'; it must be a number from 1 to %d", text, maxThreads);
      return 0;
    }
    return (int32_t)value;
  }
  int32_t count = availableProcessors();
  return count < maxThreads ? count : maxThreads;
}

/// The folder of the shared object that holds `address`.
static bool findFolder(const void *address, char (&folder)[PATH_MAX]) {
  Dl_info info;
  if (!dladdr(address, &info) || !info.dli_fname || strlen(info.dli_fname) >= sizeof folder)
    return false;
  strcpy(folder, info.dli_fname);
  char *slash = strrchr(folder, '/');
  if (slash == folder)
    slash[1] = 0; // the root
  else if (slash)
    *slash = 0;
  else
    strcpy(folder, ".");
  return true;
}

/// Fills what can fail; the caller frees the handle.
static int openInto(hadron_library &library, const char *folder, Text &error) {
  const hadron_rt_descriptor &descriptor = *library.descriptor;
  library.isa = chooseInstructionSet(descriptor, getenv("HADRON_CPU"), cpuFeatures(), error);
  if (library.isa < 0)
    return HADRON_UNSUPPORTED;
  library.defaultThreads = chooseThreads(library.options.threads, error);
  if (!library.defaultThreads)
    return HADRON_INVALID;
  library.threads = library.defaultThreads;
  char own[PATH_MAX];
  if (descriptor.weights) {
    if (!folder && !findFolder(&descriptor, own)) {
      error.add("cannot find out which folder library '%s' is in; pass it", descriptor.name);
      return HADRON_IO;
    }
    if (int status = mapWeights(descriptor, folder ? folder : own, library.weights, error))
      return status;
  }
  if (library.options.log) {
    Text text;
    text.add("library '%s': %s, %d threads, %zu bytes of weights", descriptor.name, descriptor.isas[library.isa].name,
             library.threads, library.weights.bytes);
    library.options.log(library.options.log_user, text.data);
  }
  return HADRON_OK;
}

static int openLibrary(const void *descriptor, const char *folder, const hadron_options *options,
                       hadron_library **result, Text &error) {
  if (!result) {
    error.add("the place for the library is NULL");
    return HADRON_INVALID;
  }
  *result = nullptr;
  const hadron_rt_descriptor *table = static_cast<const hadron_rt_descriptor *>(descriptor);
  if (!table) {
    error.add("the descriptor is NULL; pass what X_hadron_descriptor() returns");
    return HADRON_INVALID;
  }
  if (table->abi != HADRON_RT_ABI) {
    error.add("the library was made for runtime interface %lld, this runtime has %d: compile the model again",
              (long long)table->abi, HADRON_RT_ABI);
    return HADRON_UNSUPPORTED;
  }
  if (options && options->struct_size < offsetof(hadron_options, parallel_for)) {
    error.add("options.struct_size is %zu; set it to sizeof(hadron_options)", options->struct_size);
    return HADRON_INVALID;
  }
  hadron_library *library = static_cast<hadron_library *>(calloc(1, sizeof(hadron_library)));
  if (!library) {
    error.add("out of memory");
    return HADRON_MEMORY;
  }
  library->descriptor = table;
  library->references = 1;
  if (options)
    memcpy(&library->options, options,
           options->struct_size < sizeof(hadron_options) ? options->struct_size : sizeof(hadron_options));
  pthread_mutex_init(&library->lock, nullptr);
  __atomic_add_fetch(&openLibraries, 1, __ATOMIC_RELAXED);
  if (int status = openInto(*library, folder, error)) {
    dropReference(library);
    return status;
  }
  *result = library;
  return HADRON_OK;
}

extern "C" {

int hadron_library_open(const void *descriptor, const char *folder, const hadron_options *options,
                        hadron_library **library, char *error, size_t error_size) {
  Text text;
  int status = openLibrary(descriptor, folder, options, library, text);
  if (error && error_size)
    snprintf(error, error_size, "%s", text.data);
  return status;
}

void hadron_library_close(hadron_library *library) {
  if (library)
    dropReference(library);
}

const char *hadron_last_error(const hadron_library *handle) {
  hadron_library *library = const_cast<hadron_library *>(handle);
  if (!library)
    return "";
  pthread_mutex_lock(&library->lock);
  const ThreadError *error = library->errors;
  while (error && !pthread_equal(error->thread, pthread_self()))
    error = error->next;
  pthread_mutex_unlock(&library->lock);
  return error ? error->text.data : "";
}

const char *hadron_cpu_name(void) { return bestInstructionSet(cpuFeatures()); }

int hadron_set_threads(hadron_library *library, int32_t threads) {
  if (!library)
    return HADRON_INVALID;
  if (threads < 0 || threads > maxThreads)
    return fail(library, HADRON_INVALID, "threads is %d; it must be from 1 to %d, or 0 for the default", threads,
                maxThreads);
  store(library->threads, threads ? threads : library->defaultThreads);
  return HADRON_OK;
}

} // extern "C"

//===--- information ---===//

static int noSize(hadron_library *library) {
  return fail(library, HADRON_INVALID, "the structure for the answer is NULL, or its struct_size is not set");
}

/// What: "entry", "input", …
static int checkIndex(hadron_library *library, const char *what, size_t index, int64_t count) {
  if (index < (size_t)count)
    return HADRON_OK;
  return fail(library, HADRON_INVALID, "there is no %s %zu; library '%s' has %lld", what, index,
              library->descriptor->name, (long long)count);
}

static int tensorInfo(hadron_library *library, const hadron_rt_tensor &tensor, hadron_tensor_info *info) {
  return copyOut(info, {0, tensor.name, (int32_t)tensor.dtype, (int32_t)tensor.rank, tensor.dims, tensor.dim_texts,
                        (uint64_t)tensor.basis})
             ? HADRON_OK
             : noSize(library);
}

/// The index-th of the states that an entry's slots name, in order of their first slot; -1: there are fewer.
static int64_t entryState(const hadron_rt_entry &entry, size_t index) {
  for (int64_t slot = 0; slot < entry.slot_count; ++slot) {
    bool seen = false;
    for (int64_t other = 0; other < slot; ++other)
      seen |= entry.slots[other].state == entry.slots[slot].state;
    if (!seen && index-- == 0)
      return entry.slots[slot].state;
  }
  return -1;
}

extern "C" {

int hadron_get_library_info(hadron_library *library, hadron_library_info *info) {
  if (!library)
    return HADRON_INVALID;
  const hadron_rt_descriptor &d = *library->descriptor;
  return copyOut(info, {0, d.name, d.version, d.isas[library->isa].name, (size_t)d.entry_count, (size_t)d.state_count,
                        d.manifest, (size_t)d.manifest_bytes, library->weights.bytes, load(library->threads)})
             ? HADRON_OK
             : noSize(library);
}

int hadron_get_entry_info(hadron_library *library, size_t entry, hadron_entry_info *info) {
  if (!library)
    return HADRON_INVALID;
  if (int status = checkIndex(library, "entry", entry, library->descriptor->entry_count))
    return status;
  const hadron_rt_entry &e = library->descriptor->entries[entry];
  size_t states = 0, dimensions = 0;
  while (entryState(e, states) >= 0)
    ++states;
  for (int64_t i = 0; i < e.output_count; ++i)
    dimensions += e.outputs[i].rank;
  return copyOut(info, {0, e.name, (size_t)e.input_count, (size_t)e.output_count, states, dimensions})
             ? HADRON_OK
             : noSize(library);
}

int64_t hadron_find_entry(hadron_library *library, const char *name) {
  if (!library || !name)
    return -1;
  for (int64_t i = 0; i < library->descriptor->entry_count; ++i)
    if (!strcmp(library->descriptor->entries[i].name, name))
      return i;
  fail(library, HADRON_INVALID, "library '%s' has no entry '%s'", library->descriptor->name, name);
  return -1;
}

int hadron_get_input_info(hadron_library *library, size_t entry, size_t input, hadron_tensor_info *info) {
  if (!library)
    return HADRON_INVALID;
  if (int status = checkIndex(library, "entry", entry, library->descriptor->entry_count))
    return status;
  if (int status = checkIndex(library, "input", input, library->descriptor->entries[entry].input_count))
    return status;
  return tensorInfo(library, library->descriptor->entries[entry].inputs[input], info);
}

int hadron_get_output_info(hadron_library *library, size_t entry, size_t output, hadron_tensor_info *info) {
  if (!library)
    return HADRON_INVALID;
  if (int status = checkIndex(library, "entry", entry, library->descriptor->entry_count))
    return status;
  if (int status = checkIndex(library, "output", output, library->descriptor->entries[entry].output_count))
    return status;
  return tensorInfo(library, library->descriptor->entries[entry].outputs[output], info);
}

int hadron_get_state_info(hadron_library *library, size_t state, hadron_state_info *info) {
  if (!library)
    return HADRON_INVALID;
  if (int status = checkIndex(library, "state", state, library->descriptor->state_count))
    return status;
  const hadron_rt_state &group = library->descriptor->states[state];
  return copyOut(info, {0, group.name, (size_t)group.member_count}) ? HADRON_OK : noSize(library);
}

int hadron_get_member_info(hadron_library *library, size_t state, size_t member, hadron_member_info *info) {
  if (!library)
    return HADRON_INVALID;
  if (int status = checkIndex(library, "state", state, library->descriptor->state_count))
    return status;
  const hadron_rt_state &group = library->descriptor->states[state];
  if (int status = checkIndex(library, "member", member, group.member_count))
    return status;
  const hadron_rt_member &m = group.members[member];
  return copyOut(info, {0, m.name, (int32_t)m.dtype, m.heads, m.dim, (uint64_t)m.basis}) ? HADRON_OK : noSize(library);
}

int64_t hadron_get_entry_state(hadron_library *library, size_t entry, size_t index) {
  if (!library || checkIndex(library, "entry", entry, library->descriptor->entry_count))
    return -1;
  return entryState(library->descriptor->entries[entry], index);
}

} // extern "C"
