//===- ErrorTest.cpp - every misuse has its sentence ------------------------------------------------------------===//
#include "RuntimeTestBase.h"

#include "Internal.h"

using testing::Test;

TEST_F(RuntimeTest, OpenErrors) {
  EXPECT_EQ(openError(nullptr, nullptr, HADRON_INVALID),
            "the descriptor is NULL; pass what X_hadron_descriptor() returns");
  hadron_rt_descriptor other = descriptor;
  other.abi = 99;
  EXPECT_EQ(openError(&other, nullptr, HADRON_UNSUPPORTED),
            "the library was made for runtime interface 99, this runtime has 1: compile the model again");
  setenv("HADRON_CPU", "x87", 1);
  EXPECT_EQ(openError(HADRON_UNSUPPORTED).find("HADRON_CPU is 'x87', which is not an instruction set"), 0u);
  unsetenv("HADRON_CPU");
  for (const char *bad : {"0", "-1", "two", "3x", "100000"}) {
    setenv("HADRON_THREADS", bad, 1);
    EXPECT_EQ(openError(HADRON_INVALID),
              std::string("HADRON_THREADS is '") + bad + "'; it must be a number from 1 to 256");
  }
}

TEST_F(RuntimeTest, WeightErrors) {
  std::string path = folder + "/X.weights";
  EXPECT_EQ(openError(&descriptor, "/nowhere", HADRON_IO),
            "cannot open the weights file /nowhere/X.weights of library 'X': no such file");
  EXPECT_EQ(openError(&descriptor, std::string(5000, 'a').c_str(), HADRON_IO),
            "the path of the weights file X.weights is too long");
  writeWeights(fileBytes.substr(0, 130));
  EXPECT_EQ(openError(HADRON_IO), "the weights file " + path +
                                      " has 130 bytes, library 'X' needs 132: it is cut short or from another build");
  writeWeights(fileBytes + "more");
  EXPECT_EQ(openError(HADRON_IO),
            "the weights file " + path + " has 136 bytes, library 'X' needs 132: it is from another build");
  writeWeights("");
  EXPECT_EQ(openError(HADRON_IO),
            "the weights file " + path + " has 0 bytes, library 'X' needs 132: it is cut short or from another build");
  for (size_t at : {0u, 6u, 20u}) { // the header's size, by little and by far, and its text
    std::string bytes = fileBytes;
    bytes[at] ^= 1;
    writeWeights(bytes);
    EXPECT_EQ(openError(HADRON_IO),
              "the weights file " + path + " is not the one of library 'X': it is from another build");
  }
}

namespace {
class CallErrorTest : public RuntimeTest {
protected:
  std::vector<float> x = std::vector<float>(8), y = std::vector<float>(8);
  std::vector<int64_t> mask = std::vector<int64_t>(2);
  Tensor tx{x, HADRON_FLOAT32, {1, 2, 4}, fake::basis}, tm{mask, HADRON_INT64, {1, 2}},
      ty{y, HADRON_FLOAT32, {1, 2, 4}};
  hadron_state *state = nullptr;
  alignas(64) char workspace[64];
  size_t workspaceBytes = sizeof workspace;
  char *workspaceStart = workspace;

  void SetUp() override {
    RuntimeTest::SetUp();
    open();
    state = newState(1, 4);
  }
  void TearDown() override {
    // After any error the state is as it was and the call can be made again.
    EXPECT_EQ(hadron_state_length(state), 0);
    step(state, 1, 2);
    EXPECT_EQ(hadron_state_length(state), 2);
    hadron_state_destroy(state);
    RuntimeTest::TearDown();
  }
  std::string runError(int expected) {
    hadron_tensor inputs[] = {tx.value, tm.value};
    EXPECT_EQ(hadron_run(library, "step", inputs, 2, &ty.value, 1, &state, 1, workspaceStart, workspaceBytes, nullptr),
              expected);
    return hadron_last_error(library);
  }
};
} // namespace

TEST_F(CallErrorTest, NoEntry) {
  EXPECT_EQ(hadron_run(library, "walk", nullptr, 0, nullptr, 0, nullptr, 0, nullptr, 0, nullptr), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "library 'X' has no entry 'walk'");
  EXPECT_EQ(hadron_run(library, nullptr, nullptr, 0, nullptr, 0, nullptr, 0, nullptr, 0, nullptr), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "library 'X' has 2 entries; name one");
}

TEST_F(CallErrorTest, Counts) {
  EXPECT_EQ(hadron_run(library, "step", &tx.value, 1, &ty.value, 1, &state, 1, nullptr, 0, nullptr), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "entry 'step' has 2 inputs; the call passes 1");
  EXPECT_EQ(hadron_run(library, "step", nullptr, 2, &ty.value, 1, &state, 1, nullptr, 0, nullptr), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "entry 'step': the inputs are NULL");
}

TEST_F(CallErrorTest, Dtype) {
  tx.value.dtype = HADRON_FLOAT16;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x' is float16; it must be float32");
  tx.value.dtype = 1000;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x' is of no known type; it must be float32");
}

TEST_F(CallErrorTest, Structures) {
  tm.value.struct_size = 0;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'mask': struct_size is 0; set it to sizeof(hadron_tensor)");
}

TEST_F(CallErrorTest, Rank) {
  tx.value.ndim = 2;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x' has 2 dimensions; it must have 3");
  tx.value.ndim = 3;
  tx.value.shape = nullptr;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x': shape is NULL");
}

TEST_F(CallErrorTest, Shapes) {
  tx.shape[2] = 5;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x': dimension 2 is 5; it must be 4");
  tx.shape[2] = -4;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x': dimension 2 is -4; it must not be negative");
  tx.shape = {INT64_MAX / 2, 4, 4};
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x' has more elements than memory can hold");
}

TEST_F(CallErrorTest, Checks) {
  tm.shape[1] = 3;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input mask, dimension 1 is 'past + seq' = 2; the call passes 3");
  tm.shape[0] = 2;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input mask, dimension 0 is 'batch' = 1; the call passes 2");
  tx.shape[0] = 2;
  tm.shape[1] = 2;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': state kv, batch is 'batch' = 2; the call passes 1");
}

TEST_F(CallErrorTest, ChecksWithoutNumbersFromPlan) {
  // A plan that says no more than which check failed: the number comes from the call.
  hadron_rt_entry plain = fake::entries[0];
  plain.plan = [](const int64_t *, const int64_t *, int64_t *) -> int64_t { return -2; };
  hadron_rt_descriptor d = descriptor;
  d.entries = &plain;
  d.entry_count = 1;
  hadron_library *other = nullptr;
  ASSERT_EQ(hadron_library_open(&d, folder.c_str(), nullptr, &other, nullptr, 0), HADRON_OK);
  hadron_state *own = nullptr;
  ASSERT_EQ(hadron_state_create(other, "kv", 1, 4, &own), HADRON_OK);
  hadron_tensor inputs[] = {tx.value, tm.value};
  EXPECT_EQ(hadron_run(other, nullptr, inputs, 2, &ty.value, 1, &own, 1, nullptr, 0, nullptr), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(other), "entry 'step': input mask, dimension 1 is 'past + seq'; the call passes 2");
  hadron_state_destroy(own);
  hadron_library_close(other);
}

TEST_F(CallErrorTest, Outputs) {
  ty.shape[1] = 3;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': output 'y': dimension 1 ('seq') is 3; it must be 2");
  ty.shape[1] = 2;
  ty.value.data = nullptr;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': output 'y': data is NULL");
}

TEST_F(CallErrorTest, Strides) {
  int64_t dense[] = {99, 4, 1}; // of a dimension of size 1 any stride will do
  tx.value.strides = dense;
  hadron_tensor inputs[] = {tx.value, tm.value};
  EXPECT_EQ(hadron_entry_plan(library, "step", inputs, 2, &state, 1, nullptr, nullptr), HADRON_OK);
  int64_t padded[] = {16, 8, 1};
  tx.value.strides = padded;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x' is not contiguous; pass a dense, row-major copy");
}

TEST_F(CallErrorTest, Places) {
  tx.value.data = (char *)x.data() + 1;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x': data is not aligned to its element of 4 bytes");
  tx.value.data = nullptr;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x': data is NULL");
  tx.value.device_type = HADRON_CUDA;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': input 'x' is on a device (type 2); library 'X' runs on the CPU");
  EXPECT_EQ(hadron_run(library, "step", nullptr, 0, nullptr, 0, nullptr, 0, nullptr, 0, &x), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "the stream must be NULL: library 'X' runs on the CPU");
}

TEST_F(CallErrorTest, Basis) {
  tx.value.basis_hash = 0;
  EXPECT_EQ(runError(HADRON_INVALID),
            "entry 'step': input 'x' is in the standard basis; it must be in basis 0000000000000abc");
  tx.value.basis_hash = fake::basis;
  ty.value.basis_hash = 0x1234;
  EXPECT_EQ(runError(HADRON_INVALID),
            "entry 'step': output 'y' is in basis 0000000000001234; it must be in the standard basis");
}

TEST_F(CallErrorTest, Workspace) {
  workspaceBytes = 16;
  EXPECT_EQ(runError(HADRON_MEMORY), "entry 'step': the workspace has 16 bytes; these sizes need 32");
  workspaceBytes = 40;
  workspaceStart = workspace + 8;
  EXPECT_EQ(runError(HADRON_INVALID), "entry 'step': the workspace is not aligned to 64 bytes");
}

TEST_F(CallErrorTest, Capacity) {
  x.resize(20), mask.resize(5), y.resize(20);
  step(state, 1, 5, HADRON_CAPACITY);
  EXPECT_STREQ(hadron_last_error(library),
               "entry 'step': state 'kv' holds 0 rows and the call adds 5, which is more than "
               "its capacity of 4");
  EXPECT_EQ(hadron_state_set_length(state, 5), HADRON_CAPACITY);
  EXPECT_STREQ(hadron_last_error(library), "state 'kv': length 5 is not between 0 and its capacity of 4");
}

TEST_F(CallErrorTest, States) {
  hadron_tensor inputs[] = {tx.value, tm.value};
  auto error = [&](hadron_state *const *states, size_t count) {
    EXPECT_EQ(hadron_run(library, "step", inputs, 2, &ty.value, 1, states, count, nullptr, 0, nullptr), HADRON_INVALID);
    return std::string(hadron_last_error(library));
  };
  EXPECT_EQ(error(nullptr, 0), "entry 'step' needs a state 'kv'; make one with hadron_state_create");
  EXPECT_EQ(error(nullptr, 1), "entry 'step': the states are NULL");
  hadron_state *none = nullptr;
  EXPECT_EQ(error(&none, 1), "entry 'step': state 0 is NULL");
  hadron_state *second = newState(1, 4), *both[] = {state, second}, *twice[] = {state, state};
  EXPECT_EQ(error(both, 2), "entry 'step': two states 'kv' were passed");
  hadron_state_destroy(second);
  EXPECT_EQ(error(twice, 2), "entry 'step': two states 'kv' were passed");

  hadron_rt_descriptor twin = descriptor;
  hadron_library *other = nullptr;
  ASSERT_EQ(hadron_library_open(&twin, folder.c_str(), nullptr, &other, nullptr, 0), HADRON_OK);
  hadron_state *foreign = nullptr;
  ASSERT_EQ(hadron_state_create(other, "kv", 1, 4, &foreign), HADRON_OK);
  EXPECT_EQ(error(&foreign, 1), "entry 'step': state 0 is of another library");
  hadron_state_destroy(foreign);
  hadron_library_close(other);

  std::vector<int32_t> n(1);
  Tensor tn(n, HADRON_INT32, {1});
  EXPECT_EQ(hadron_run(library, "isa", &tn.value, 1, &tn.value, 1, &state, 1, nullptr, 0, nullptr), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "entry 'isa' does not use a state 'kv'");
}

TEST_F(CallErrorTest, Busy) {
  ASSERT_TRUE(hadron::rt::tryAcquire(state->busy)); // as another thread's call would
  EXPECT_EQ(runError(HADRON_BUSY), "entry 'step': state 'kv' is in use by another call");
  EXPECT_EQ(hadron_state_reset(state), HADRON_BUSY);
  EXPECT_STREQ(hadron_last_error(library), "state 'kv' is in use by another call");
  hadron::rt::release(state->busy);
}

TEST_F(CallErrorTest, StateFunctions) {
  hadron_state *none;
  EXPECT_EQ(hadron_state_create(library, "vk", 1, 4, &none), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "library 'X' has no state 'vk'");
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(hadron_state_create(library, "kv", 1, 0, &none), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "state 'kv': batch is 1 and capacity 0; both must be at least 1");
  EXPECT_EQ(hadron_state_create(library, "kv", INT64_MAX / 16, 100, &none), HADRON_MEMORY);
  std::vector<float> rows(10 * 4);
  Tensor t(rows, HADRON_FLOAT32, {1, 2, 5, 2}, fake::basis);
  EXPECT_EQ(hadron_state_write(state, 0, &t.value), HADRON_CAPACITY);
  EXPECT_STREQ(hadron_last_error(library), "member 'past.key' of state 'kv': 5 rows are more than its capacity of 4");
  EXPECT_EQ(hadron_state_read(state, 0, &t.value), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library),
               "member 'past.key' of state 'kv': the tensor is [1, 2, 5, 2]; it must be [1, 2, 0, 2]");
  EXPECT_EQ(hadron_state_read(state, 1, &t.value), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "member 'past.value' of state 'kv' is in basis 0000000000000abc; it must be "
                                           "in the standard basis");
  EXPECT_EQ(hadron_state_read(state, 2, &t.value), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "state 'kv' has no member 2; it has 2");
}

TEST_F(CallErrorTest, GeneratedCodeFails) {
  std::vector<int32_t> n(13);
  Tensor tn(n, HADRON_INT32, {13});
  EXPECT_EQ(hadron_run(library, "isa", &tn.value, 1, &tn.value, 1, nullptr, 0, nullptr, 0, nullptr), HADRON_FAILED);
  EXPECT_STREQ(hadron_last_error(library), "entry 'isa' failed with code 7");
}
