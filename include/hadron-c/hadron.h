/*===- hadron.h - the C interface of a kernel library -----------------------------------------------------------===*\
 *
 * Every library that Hadron makes exports the functions below; a program links libX.so, or opens it with dlopen and
asks
 * for hadron_get_api alone. C99 and C++.
 *
 *   hadron_library *lib;
 *   hadron_library_open(X_hadron_descriptor(), NULL, NULL, &lib, error, sizeof error);
 *   hadron_run(lib, "main", inputs, 2, outputs, 1, NULL, 0, NULL, 0, NULL);
 *   hadron_library_close(lib);
 *
 * Structures start with struct_size, which the caller sets to sizeof; new fields come only at the end. Functions that
can
 * fail return a hadron_status; the sentence that goes with it is hadron_last_error(lib). All texts are UTF-8 and belong
to
 * the library. Strings and arrays that an information function points to live until the library is unloaded.
 *
 * Threads: any number of threads may use one hadron_library at once. A state serves one call at a time: a second one
gets
 * HADRON_BUSY. The pool's threads start with the first call that needs them and end when the last open library of the
 * shared object is closed: close before dlclose. Of several calls at a time one has the pool, the others run on their
own
 * thread. After fork a child may go on using its libraries, unless another thread was inside one of these functions
when it forked.
 * Results do not depend on the number of threads.
 *
\*===-----------------------------------------------------------------------------------------------------------===*/
#ifndef HADRON_C_HADRON_H
#define HADRON_C_HADRON_H

#include <stddef.h>
#include <stdint.h>

#if defined(HADRON_RUNTIME_BUILD)
/* Exported, yet never taken from another library in the same process. */
#define HADRON_API __attribute__((visibility("protected")))
#elif defined(__GNUC__)
#define HADRON_API __attribute__((visibility("default")))
#else
#define HADRON_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hadron_status {
  HADRON_OK = 0,
  HADRON_INVALID = 1,     /* an argument is wrong */
  HADRON_UNSUPPORTED = 2, /* this machine cannot run the library, or the library lacks what was asked for */
  HADRON_IO = 3,          /* the weights file is missing or is not the right one */
  HADRON_MEMORY = 4,      /* out of memory, or a workspace that is too small */
  HADRON_BUSY = 5,        /* a state is in use by another call */
  HADRON_CAPACITY = 6,    /* a state has no room for the new rows */
  HADRON_FAILED = 7       /* the generated code reported a failure */
} hadron_status;

/* Element types: the numbers of ONNX's TensorProto.DataType. */
typedef enum hadron_dtype {
  HADRON_FLOAT32 = 1,
  HADRON_UINT8 = 2,
  HADRON_INT8 = 3,
  HADRON_UINT16 = 4,
  HADRON_INT16 = 5,
  HADRON_INT32 = 6,
  HADRON_INT64 = 7,
  HADRON_BOOL = 9,
  HADRON_FLOAT16 = 10,
  HADRON_FLOAT64 = 11,
  HADRON_UINT32 = 12,
  HADRON_UINT64 = 13,
  HADRON_BFLOAT16 = 16
} hadron_dtype;

/* Where a tensor is: the numbers of DLPack; 0 is read as the CPU. */
typedef enum hadron_device { HADRON_CPU = 1, HADRON_CUDA = 2 } hadron_device;

/* A CUstream on a GPU; NULL on a CPU. */
typedef void *hadron_stream;

typedef struct hadron_library hadron_library;
typedef struct hadron_state hadron_state;

typedef struct hadron_tensor {
  size_t struct_size;
  int32_t dtype; /* hadron_dtype */
  int32_t ndim;
  void *data; /* the first element, aligned to its size; only read of an input */
  const int64_t *shape;
  const int64_t *strides; /* in elements; NULL: dense, row-major, which is all that is taken at present */
  int32_t device_type;    /* hadron_device */
  int32_t device_id;
  uint64_t basis_hash; /* the rotation that the values are in; 0: the standard basis */
} hadron_tensor;

typedef struct hadron_options {
  size_t struct_size;
  int32_t threads; /* 0: HADRON_THREADS, else as many as the process may run on */
  int32_t flags;   /* 0 */
  /* The host's own threads instead of the pool: calls body(context, i) once for every i in [0, count), in any order,
   * and returns when all of them have returned. */
  void (*parallel_for)(void *user, int64_t count, void (*body)(void *context, int64_t index), void *context);
  void *parallel_for_user;
  /* What the library decides (instruction set, threads, files), a sentence at a time. */
  void (*log)(void *user, const char *message);
  void *log_user;
} hadron_options;

typedef struct hadron_library_info {
  size_t struct_size;
  const char *name;
  const char *version; /* of Hadron */
  const char *cpu;     /* the instruction set in use */
  size_t entries;
  size_t states;
  const char *manifest; /* JSON */
  size_t manifest_bytes;
  size_t weights_bytes;
  int32_t threads;
} hadron_library_info;

typedef struct hadron_entry_info {
  size_t struct_size;
  const char *name;
  size_t inputs;
  size_t outputs;
  size_t states;            /* how many states a call needs */
  size_t output_dimensions; /* the ranks of all outputs together */
} hadron_entry_info;

typedef struct hadron_tensor_info {
  size_t struct_size;
  const char *name;
  int32_t dtype;
  int32_t ndim;
  const int64_t *shape;          /* -1: not known before the call */
  const char *const *dimensions; /* "batch", "past + seq", "576" */
  uint64_t basis_hash;
} hadron_tensor_info;

typedef struct hadron_state_info {
  size_t struct_size;
  const char *name; /* "kv" */
  size_t members;
} hadron_state_info;

/* One tensor of a state, as hadron_state_read gives it: [batch, heads, length, dim]. */
typedef struct hadron_member_info {
  size_t struct_size;
  const char *name; /* of the graph's input, "past_key_values.0.key" */
  int32_t dtype;    /* 0: packed; cannot be read or written */
  int64_t heads;
  int64_t dim;
  uint64_t basis_hash;
} hadron_member_info;

/* ---- libraries ---- */

/* Opens the library that a descriptor describes: `X_hadron_descriptor()`, or hadron_get_api()->descriptor.
 * folder: where X.weights is; NULL: beside the shared object. options may be NULL. A failure's sentence is written to
 * error, which may be NULL. */
HADRON_API int hadron_library_open(const void *descriptor, const char *folder, const hadron_options *options,
                                   hadron_library **library, char *error, size_t error_size);
/* Frees it. No call may be running, and its states must have been destroyed. NULL is fine. */
HADRON_API void hadron_library_close(hadron_library *library);
/* The sentence of the last failure of the calling thread with this library, "" if there was none. Valid until the same
 * thread's next failure or the library's end. */
HADRON_API const char *hadron_last_error(const hadron_library *library);
HADRON_API int hadron_get_library_info(hadron_library *library, hadron_library_info *info);
/* How many threads later calls use, at most 256; 0: as at the start. */
HADRON_API int hadron_set_threads(hadron_library *library, int32_t threads);
/* The best instruction set of those that Hadron knows that this machine can run, whatever HADRON_CPU says. */
HADRON_API const char *hadron_cpu_name(void);

/* ---- what is in it ---- */

HADRON_API int hadron_get_entry_info(hadron_library *library, size_t entry, hadron_entry_info *info);
/* The number of an entry, or -1. */
HADRON_API int64_t hadron_find_entry(hadron_library *library, const char *name);
HADRON_API int hadron_get_input_info(hadron_library *library, size_t entry, size_t input, hadron_tensor_info *info);
HADRON_API int hadron_get_output_info(hadron_library *library, size_t entry, size_t output, hadron_tensor_info *info);
/* `state` counts the states of the library. */
HADRON_API int hadron_get_state_info(hadron_library *library, size_t state, hadron_state_info *info);
HADRON_API int hadron_get_member_info(hadron_library *library, size_t state, size_t member, hadron_member_info *info);
/* The library's number of the index-th state that an entry needs, or -1. */
HADRON_API int64_t hadron_get_entry_state(hadron_library *library, size_t entry, size_t index);

/* ---- calls ---- */

/* What a call with these inputs (whose data may be NULL) and states would give. output_shapes receives the dimensions
 * of all outputs one after another (hadron_entry_info::output_dimensions of them); it and workspace_bytes may be NULL.
 */
HADRON_API int hadron_entry_plan(hadron_library *library, const char *entry, const hadron_tensor *inputs,
                                 size_t input_count, hadron_state *const *states, size_t state_count,
                                 int64_t *output_shapes, size_t *workspace_bytes);
/* Runs an entry; NULL names the only one. inputs and outputs are in the entry's order, states in any. The outputs'
 * shapes must be those of the plan. After success each state is longer by the rows that were added; after a failure it
 * is as long as before. workspace: aligned to 64 bytes and not in use by another call; NULL: a buffer that the library
 * keeps, which grows when a call needs more than any before (never while a CUDA graph is captured: pass one there).
 * stream: NULL. */
HADRON_API int hadron_run(hadron_library *library, const char *entry, const hadron_tensor *inputs, size_t input_count,
                          const hadron_tensor *outputs, size_t output_count, hadron_state *const *states,
                          size_t state_count, void *workspace, size_t workspace_bytes, hadron_stream stream);

/* ---- states ---- */

/* An empty state of the named group with room for `capacity` rows in each of `batch` sequences. */
HADRON_API int hadron_state_create(hadron_library *library, const char *name, int64_t batch, int64_t capacity,
                                   hadron_state **state);
HADRON_API void hadron_state_destroy(hadron_state *state);
HADRON_API int64_t hadron_state_length(const hadron_state *state);
HADRON_API int64_t hadron_state_capacity(const hadron_state *state);
HADRON_API int64_t hadron_state_batch(const hadron_state *state);
/* Makes it empty. */
HADRON_API int hadron_state_reset(hadron_state *state);
/* Shortens it (a rejected draft), or declares rows that hadron_state_write has filled. */
HADRON_API int hadron_state_set_length(hadron_state *state, int64_t length);
/* Copies a plain tensor [batch, heads, rows, dim] into the first rows of a member; the length stays. */
HADRON_API int hadron_state_write(hadron_state *state, size_t member, const hadron_tensor *source);
/* Copies a member's rows [0, length) into a plain tensor [batch, heads, length, dim]. */
HADRON_API int hadron_state_read(hadron_state *state, size_t member, const hadron_tensor *target);

/* ---- for dlopen ---- */

/* All of the above; with dlsym(handle, "hadron_get_api") a program needs no other symbol, and two libraries in one
 * process never meet. New functions come only at the end. */
typedef struct hadron_api {
  size_t struct_size;
  const void *descriptor; /* of the library whose function was asked */
  int (*library_open)(const void *, const char *, const hadron_options *, hadron_library **, char *, size_t);
  void (*library_close)(hadron_library *);
  const char *(*last_error)(const hadron_library *);
  int (*get_library_info)(hadron_library *, hadron_library_info *);
  int (*set_threads)(hadron_library *, int32_t);
  const char *(*cpu_name)(void);
  int (*get_entry_info)(hadron_library *, size_t, hadron_entry_info *);
  int64_t (*find_entry)(hadron_library *, const char *);
  int (*get_input_info)(hadron_library *, size_t, size_t, hadron_tensor_info *);
  int (*get_output_info)(hadron_library *, size_t, size_t, hadron_tensor_info *);
  int (*get_state_info)(hadron_library *, size_t, hadron_state_info *);
  int (*get_member_info)(hadron_library *, size_t, size_t, hadron_member_info *);
  int64_t (*get_entry_state)(hadron_library *, size_t, size_t);
  int (*entry_plan)(hadron_library *, const char *, const hadron_tensor *, size_t, hadron_state *const *, size_t,
                    int64_t *, size_t *);
  int (*run)(hadron_library *, const char *, const hadron_tensor *, size_t, const hadron_tensor *, size_t,
             hadron_state *const *, size_t, void *, size_t, hadron_stream);
  int (*state_create)(hadron_library *, const char *, int64_t, int64_t, hadron_state **);
  void (*state_destroy)(hadron_state *);
  int64_t (*state_length)(const hadron_state *);
  int64_t (*state_capacity)(const hadron_state *);
  int64_t (*state_batch)(const hadron_state *);
  int (*state_reset)(hadron_state *);
  int (*state_set_length)(hadron_state *, int64_t);
  int (*state_write)(hadron_state *, size_t, const hadron_tensor *);
  int (*state_read)(hadron_state *, size_t, const hadron_tensor *);
} hadron_api;
HADRON_API const hadron_api *hadron_get_api(void);

#ifdef __cplusplus
}
#endif

#endif /* HADRON_C_HADRON_H */
