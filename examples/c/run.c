/* Opens a kernel library, says what is in it, and runs one entry on made-up inputs.
 *
 *   run FOLDER [ENTRY [SIZE]]
 *
 * Every dimension that is not known before the call gets SIZE (default 1); sizes that depend on each other, as a mask's
 * on the length of a state, are the model's business, and the library says so. Build: cc -Iinclude examples/c/run.c
 * -ldl
 */
#define _POSIX_C_SOURCE 200809L
#include <hadron-c/hadron.h>

#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first lib*.so in a folder. */
static int find_library(const char *folder, char *path, size_t size) {
  DIR *dir = opendir(folder);
  struct dirent *file;
  int found = 0;
  while (dir && !found && (file = readdir(dir))) {
    size_t length = strlen(file->d_name);
    if (length > 6 && !strncmp(file->d_name, "lib", 3) && !strcmp(file->d_name + length - 3, ".so"))
      found = snprintf(path, size, "%s/%s", folder, file->d_name) < (int)size;
  }
  if (dir)
    closedir(dir);
  return found;
}

static size_t element_bytes(int32_t dtype) {
  switch (dtype) {
  case HADRON_FLOAT64:
  case HADRON_INT64:
  case HADRON_UINT64:
    return 8;
  case HADRON_FLOAT32:
  case HADRON_INT32:
  case HADRON_UINT32:
    return 4;
  case HADRON_FLOAT16:
  case HADRON_BFLOAT16:
  case HADRON_INT16:
  case HADRON_UINT16:
    return 2;
  default:
    return 1;
  }
}

static void print_tensor(const char *kind, const hadron_tensor_info *info) {
  int32_t i;
  printf("  %s %s: type %d [", kind, info->name, info->dtype);
  for (i = 0; i < info->ndim; ++i)
    printf("%s%s", i ? ", " : "", info->dimensions[i]);
  printf("]\n");
}

static int failed(const hadron_api *api, const hadron_library *library) {
  fprintf(stderr, "error: %s\n", api->last_error(library));
  return 1;
}

/* A tensor with its own memory, zeroed; a ramp of 0, 1, 2, … when it is an input of floats. */
static void make_tensor(hadron_tensor *tensor, const hadron_tensor_info *info, const int64_t *shape, int ramp) {
  int64_t count = 1, i;
  memset(tensor, 0, sizeof *tensor);
  tensor->struct_size = sizeof *tensor;
  tensor->dtype = info->dtype;
  tensor->ndim = info->ndim;
  tensor->shape = shape;
  tensor->basis_hash = info->basis_hash;
  for (i = 0; i < info->ndim; ++i)
    count *= shape[i];
  tensor->data = calloc((size_t)count + 1, element_bytes(info->dtype));
  for (i = 0; ramp && info->dtype == HADRON_FLOAT32 && i < count; ++i)
    ((float *)tensor->data)[i] = (float)i;
}

static int run(const hadron_api *api, hadron_library *library, size_t entry, int64_t size) {
  hadron_entry_info info = {sizeof info, NULL, 0, 0, 0, 0};
  hadron_tensor_info tensor = {sizeof tensor, NULL, 0, 0, NULL, NULL, 0};
  hadron_tensor *inputs, *outputs;
  hadron_state **states;
  int64_t *in_shapes, *out_shapes, *next;
  size_t i, bytes;
  int status = 0;
  api->get_entry_info(library, entry, &info);
  inputs = calloc(info.inputs + 1, sizeof *inputs);
  outputs = calloc(info.outputs + 1, sizeof *outputs);
  states = calloc(info.states + 1, sizeof *states);
  in_shapes = next = calloc(16 * info.inputs + 1, sizeof *in_shapes);
  out_shapes = calloc(info.output_dimensions + 1, sizeof *out_shapes);

  for (i = 0; i < info.inputs; ++i) {
    int32_t j;
    api->get_input_info(library, entry, i, &tensor);
    for (j = 0; j < tensor.ndim; ++j)
      next[j] = tensor.shape[j] < 0 ? size : tensor.shape[j];
    make_tensor(&inputs[i], &tensor, next, 1);
    next += tensor.ndim;
  }
  for (i = 0; i < info.states && !status; ++i) {
    hadron_state_info state = {sizeof state, NULL, 0};
    api->get_state_info(library, (size_t)api->get_entry_state(library, entry, i), &state);
    status = api->state_create(library, state.name, size, 64, &states[i]);
  }
  if (!status)
    status = api->entry_plan(library, info.name, inputs, info.inputs, states, info.states, out_shapes, &bytes);
  if (!status) {
    next = out_shapes;
    for (i = 0; i < info.outputs; ++i) {
      api->get_output_info(library, entry, i, &tensor);
      make_tensor(&outputs[i], &tensor, next, 0);
      next += tensor.ndim;
    }
    status =
        api->run(library, info.name, inputs, info.inputs, outputs, info.outputs, states, info.states, NULL, 0, NULL);
  }
  if (status) {
    failed(api, library);
  } else {
    printf("ran %s with %lu bytes of workspace\n", info.name, (unsigned long)bytes);
    for (i = 0; i < info.outputs; ++i) {
      int64_t count = 1, j;
      api->get_output_info(library, entry, i, &tensor);
      for (j = 0; j < outputs[i].ndim; ++j)
        count *= outputs[i].shape[j];
      printf("  %s: %" PRId64 " elements", tensor.name, count);
      for (j = 0; outputs[i].dtype == HADRON_FLOAT32 && j < count && j < 4; ++j)
        printf(" %g", ((float *)outputs[i].data)[j]);
      printf("\n");
    }
  }
  for (i = 0; i < info.inputs; ++i)
    free(inputs[i].data);
  for (i = 0; i < info.outputs; ++i)
    free(outputs[i].data);
  for (i = 0; i < info.states; ++i)
    api->state_destroy(states[i]);
  free(inputs);
  free(outputs);
  free(states);
  free(in_shapes);
  free(out_shapes);
  return status != 0;
}

int main(int argc, char **argv) {
  char path[4096], error[1024];
  const hadron_api *(*get_api)(void) = NULL;
  const hadron_api *api;
  hadron_library *library;
  hadron_library_info info = {sizeof info, NULL, NULL, NULL, 0, 0, NULL, 0, 0, 0};
  hadron_entry_info entry = {sizeof entry, NULL, 0, 0, 0, 0};
  hadron_tensor_info tensor = {sizeof tensor, NULL, 0, 0, NULL, NULL, 0};
  void *handle;
  size_t i, j;
  int64_t chosen = 0;
  int result;
  if (argc < 2) {
    fprintf(stderr, "usage: %s FOLDER [ENTRY [SIZE]]\n", argv[0]);
    return 2;
  }
  if (!find_library(argv[1], path, sizeof path) || !(handle = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
    const char *reason = dlerror();
    fprintf(stderr, "error: no library in %s%s%s\n", argv[1], reason ? ": " : "", reason ? reason : "");
    return 1;
  }
  *(void **)&get_api = dlsym(handle, "hadron_get_api");
  if (!get_api) {
    fprintf(stderr, "error: %s was not made by Hadron\n", path);
    return 1;
  }
  api = get_api();
  if (api->library_open(api->descriptor, argv[1], NULL, &library, error, sizeof error)) {
    fprintf(stderr, "error: %s\n", error);
    return 1;
  }
  api->get_library_info(library, &info);
  printf("%s: %s, %d threads\n", info.name, info.cpu, info.threads);
  for (i = 0; i < info.entries; ++i) {
    api->get_entry_info(library, i, &entry);
    printf("%s\n", entry.name);
    for (j = 0; j < entry.inputs; ++j) {
      api->get_input_info(library, i, j, &tensor);
      print_tensor("input", &tensor);
    }
    for (j = 0; j < entry.outputs; ++j) {
      api->get_output_info(library, i, j, &tensor);
      print_tensor("output", &tensor);
    }
  }
  if (argc > 2)
    chosen = api->find_entry(library, argv[2]);
  result = chosen < 0 ? failed(api, library) : run(api, library, (size_t)chosen, argc > 3 ? atoll(argv[3]) : 1);
  api->library_close(library);
  dlclose(handle);
  return result;
}
