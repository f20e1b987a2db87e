//===- Api.cpp - all functions in one table, for dlopen ---------------------------------------------------------===//
#include "Internal.h"

/// Of the generated object; absent where the runtime is tested without one.
extern "C" __attribute__((weak, visibility("hidden"))) const hadron_rt_descriptor hadron_descriptor;

static const hadron_api api = {
    sizeof(hadron_api),
    &hadron_descriptor,
    hadron_library_open,
    hadron_library_close,
    hadron_last_error,
    hadron_get_library_info,
    hadron_set_threads,
    hadron_cpu_name,
    hadron_get_entry_info,
    hadron_find_entry,
    hadron_get_input_info,
    hadron_get_output_info,
    hadron_get_state_info,
    hadron_get_member_info,
    hadron_get_entry_state,
    hadron_entry_plan,
    hadron_run,
    hadron_state_create,
    hadron_state_destroy,
    hadron_state_length,
    hadron_state_capacity,
    hadron_state_batch,
    hadron_state_reset,
    hadron_state_set_length,
    hadron_state_write,
    hadron_state_read,
};

extern "C" const hadron_api *hadron_get_api(void) { return &api; }
