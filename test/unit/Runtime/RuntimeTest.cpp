//===- RuntimeTest.cpp - opening, calling and keeping states ----------------------------------------------------===//
#include "RuntimeTestBase.h"

#include "Internal.h"

#include <dlfcn.h>
#include <thread>

TEST_F(RuntimeTest, Describes) {
  open(3);
  hadron_library_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(hadron_get_library_info(library, &info), HADRON_OK);
  EXPECT_STREQ(info.name, "X");
  EXPECT_EQ(info.entries, 2u);
  EXPECT_EQ(info.states, 1u);
  EXPECT_EQ(info.threads, 3);
  EXPECT_EQ(info.weights_bytes, fileBytes.size());
  EXPECT_EQ(std::string(info.manifest, info.manifest_bytes), "{}");

  hadron_entry_info entry = {};
  entry.struct_size = sizeof entry;
  ASSERT_EQ(hadron_get_entry_info(library, 0, &entry), HADRON_OK);
  EXPECT_STREQ(entry.name, "step");
  EXPECT_EQ(entry.inputs, 2u);
  EXPECT_EQ(entry.states, 1u);
  EXPECT_EQ(entry.output_dimensions, 3u);
  EXPECT_EQ(hadron_get_entry_state(library, 0, 0), 0);
  EXPECT_EQ(hadron_get_entry_state(library, 0, 1), -1);
  EXPECT_EQ(hadron_find_entry(library, "isa"), 1);
  EXPECT_EQ(hadron_find_entry(library, "nothing"), -1);

  hadron_tensor_info tensor = {};
  tensor.struct_size = sizeof tensor;
  ASSERT_EQ(hadron_get_input_info(library, 0, 1, &tensor), HADRON_OK);
  EXPECT_STREQ(tensor.name, "mask");
  EXPECT_EQ(tensor.dtype, HADRON_INT64);
  EXPECT_STREQ(tensor.dimensions[1], "past + seq");
  EXPECT_EQ(hadron_get_input_info(library, 0, 2, &tensor), HADRON_INVALID);
  EXPECT_STREQ(hadron_last_error(library), "there is no input 2; library 'X' has 2");

  hadron_member_info member = {};
  member.struct_size = sizeof member;
  ASSERT_EQ(hadron_get_member_info(library, 0, 0, &member), HADRON_OK);
  EXPECT_EQ(member.heads, 2);
  EXPECT_EQ(member.basis_hash, 0xabcu);
}

TEST_F(RuntimeTest, FillsOnlyWhatAnOlderCallerKnows) {
  open();
  hadron_tensor_info info = {};
  info.struct_size = offsetof(hadron_tensor_info, ndim);
  info.ndim = 77;
  ASSERT_EQ(hadron_get_input_info(library, 0, 0, &info), HADRON_OK);
  EXPECT_STREQ(info.name, "x");
  EXPECT_EQ(info.dtype, HADRON_FLOAT32);
  EXPECT_EQ(info.ndim, 77);
  info.struct_size = 0;
  EXPECT_EQ(hadron_get_input_info(library, 0, 0, &info), HADRON_INVALID);
}

TEST_F(RuntimeTest, RunsWithAState) {
  open();
  hadron_state *state = newState(2, 8);
  std::vector<float> y = step(state, 2, 3);
  for (size_t i = 0; i < y.size(); ++i)
    EXPECT_EQ(y[i], i * weight + 1);
  EXPECT_EQ(hadron_state_length(state), 3);
  step(state, 2, 2);
  EXPECT_EQ(hadron_state_length(state), 5);

  std::vector<float> rows(2 * 2 * 5 * 2);
  Tensor value(rows, HADRON_FLOAT32, {2, 2, 5, 2});
  ASSERT_EQ(hadron_state_read(state, 1, &value.value), HADRON_OK) << hadron_last_error(library);
  // Sequence 1, head 1: three rows of the first call (x starts at 12), two of the second (at 8).
  EXPECT_EQ(std::vector<float>(rows.begin() + 30, rows.end()),
            (std::vector<float>{-14, -15, -18, -19, -22, -23, -10, -11, -14, -15}));

  ASSERT_EQ(hadron_state_reset(state), HADRON_OK);
  EXPECT_EQ(hadron_state_length(state), 0);
  std::vector<float> plain(2 * 2 * 4 * 2);
  for (size_t i = 0; i < plain.size(); ++i)
    plain[i] = (float)i;
  Tensor source(plain, HADRON_FLOAT32, {2, 2, 4, 2});
  ASSERT_EQ(hadron_state_write(state, 1, &source.value), HADRON_OK) << hadron_last_error(library);
  ASSERT_EQ(hadron_state_set_length(state, 4), HADRON_OK);
  std::vector<float> back(plain.size());
  Tensor target(back, HADRON_FLOAT32, {2, 2, 4, 2});
  ASSERT_EQ(hadron_state_read(state, 1, &target.value), HADRON_OK);
  EXPECT_EQ(back, plain);
  hadron_state_destroy(state);
}

TEST_F(RuntimeTest, Plans) {
  open();
  hadron_state *state = newState(1, 4);
  std::vector<float> none;
  Tensor x(none, HADRON_FLOAT32, {1, 3, 4}, fake::basis), mask(none, HADRON_INT64, {1, 3});
  x.value.data = mask.value.data = nullptr;
  hadron_tensor inputs[] = {x.value, mask.value};
  int64_t shapes[3] = {};
  size_t bytes = 0;
  ASSERT_EQ(hadron_entry_plan(library, "step", inputs, 2, &state, 1, shapes, &bytes), HADRON_OK)
      << hadron_last_error(library);
  EXPECT_EQ(shapes[0], 1);
  EXPECT_EQ(shapes[1], 3);
  EXPECT_EQ(shapes[2], 4);
  EXPECT_EQ(bytes, 48u);
  EXPECT_EQ(hadron_state_length(state), 0);
  hadron_state_destroy(state);
}

TEST_F(RuntimeTest, EmptyTensors) {
  open();
  hadron_state *state = newState(1, 4);
  step(state, 1, 0);
  EXPECT_EQ(hadron_state_length(state), 0);
  hadron_state_destroy(state);
}

TEST_F(RuntimeTest, StateOutlivesTheHandle) {
  open();
  hadron_state *state = newState(1, 4);
  hadron_library_close(library);
  library = nullptr;
  EXPECT_EQ(hadron_state_reset(state), HADRON_OK);
  hadron_state_destroy(state);
}

TEST_F(RuntimeTest, InstructionSetAndThreadsFromTheEnvironment) {
  setenv("HADRON_CPU", "x86-64", 1);
  setenv("HADRON_THREADS", "5", 1);
  open(0);
  hadron_library_info info = {};
  info.struct_size = sizeof info;
  hadron_get_library_info(library, &info);
  EXPECT_STREQ(info.cpu, "x86-64");
  EXPECT_EQ(info.threads, 5);
  std::vector<int32_t> in(1000), out(1000, -1);
  Tensor n(in, HADRON_INT32, {1000}), i(out, HADRON_INT32, {1000});
  ASSERT_EQ(hadron_run(library, "isa", &n.value, 1, &i.value, 1, nullptr, 0, nullptr, 0, nullptr), HADRON_OK);
  EXPECT_EQ(out, std::vector<int32_t>(1000, 0));
  EXPECT_EQ(hadron_set_threads(library, 7), HADRON_OK);
  hadron_get_library_info(library, &info);
  EXPECT_EQ(info.threads, 7);
  EXPECT_EQ(hadron_set_threads(library, 0), HADRON_OK);
  hadron_get_library_info(library, &info);
  EXPECT_EQ(info.threads, 5);
}

TEST(InstructionSets, ChoosesTheLastThatRuns) {
  using namespace hadron::rt;
  hadron_rt_descriptor d = fake::descriptor("X", nullptr);
  Text error;
  EXPECT_EQ(chooseInstructionSet(d, nullptr, HADRON_RT_X86_64_V4, error), 1);
  EXPECT_EQ(chooseInstructionSet(d, "", HADRON_RT_X86_64_V3, error), 1);
  EXPECT_EQ(chooseInstructionSet(d, nullptr, HADRON_RT_X86_64_V3 & ~HADRON_RT_FMA, error), 0);
  EXPECT_EQ(chooseInstructionSet(d, "x86-64", HADRON_RT_X86_64_V4, error), 0);
  EXPECT_STREQ(bestInstructionSet(HADRON_RT_X86_64_V4), "x86-64-v4");
  EXPECT_EQ(error.size, 0u);
}

TEST(InstructionSets, Errors) {
  using namespace hadron::rt;
  hadron_rt_descriptor d = fake::descriptor("X", nullptr);
  auto message = [&](const char *wanted, int64_t features) {
    Text error;
    EXPECT_EQ(chooseInstructionSet(d, wanted, features, error), -1);
    return std::string(error.data);
  };
  EXPECT_EQ(message("sparc", -1), "HADRON_CPU is 'sparc', which is not an instruction set (known: x86-64 x86-64-v3 "
                                  "x86-64-v4 x86-64-v4-vnni)");
  EXPECT_EQ(message("x86-64-v4", HADRON_RT_X86_64_V3),
            "HADRON_CPU asks for x86-64-v4, which this CPU cannot run: it lacks avx512f");
  EXPECT_EQ(message("x86-64-v4", HADRON_RT_X86_64_V4),
            "HADRON_CPU asks for x86-64-v4, but library 'X' was built only for x86-64, x86-64-v3");
  d.isas += 1;
  d.isa_count = 1;
  EXPECT_EQ(message(nullptr, HADRON_RT_X86_64_V3 & ~HADRON_RT_AVX2),
            "library 'X' was built for x86-64-v3, which this CPU cannot run: it lacks avx2");
}

/// A shared object of fake code and the runtime's real object.
struct SharedLibrary {
  void *handle;
  const hadron_api *api = nullptr;
  explicit SharedLibrary(const char *path) : handle(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle) {
      ADD_FAILURE() << dlerror();
      return;
    }
    auto get = (const hadron_api *(*)())dlsym(handle, "hadron_get_api");
    api = get();
  }
  ~SharedLibrary() { dlclose(handle); }
  SharedLibrary(const SharedLibrary &) = delete;
};

TEST(SharedObjects, TwoInOneProcess) {
  SharedLibrary a(FAKE_A), b(FAKE_B);
  ASSERT_TRUE(a.api && b.api);
  EXPECT_NE(a.api->run, b.api->run);
  EXPECT_NE(a.api->descriptor, b.api->descriptor);
  EXPECT_EQ(((const void *(*)())dlsym(b.handle, "fakeB_hadron_descriptor"))(), b.api->descriptor);
  // The descriptor and the launch are private to each library.
  EXPECT_EQ(dlsym(a.handle, "hadron_descriptor"), nullptr);
  EXPECT_EQ(dlsym(a.handle, "hadron_rt_launch"), nullptr);

  // Each with its own functions, then a handle of b made by the functions of a, as when both are linked into a program.
  std::pair<const hadron_api *, const void *> cases[] = {
      {a.api, a.api->descriptor}, {b.api, b.api->descriptor}, {a.api, b.api->descriptor}};
  for (auto [api, descriptor] : cases) {
    char error[1024];
    hadron_library *library = nullptr;
    hadron_options options = {};
    options.struct_size = sizeof options;
    options.threads = 4;
    ASSERT_EQ(api->library_open(descriptor, nullptr, &options, &library, error, sizeof error), HADRON_OK) << error;
    std::vector<float> x(400, 5), y(400);
    std::vector<int64_t> mask(100);
    Tensor tx(x, HADRON_FLOAT32, {1, 100, 4}, fake::basis), tm(mask, HADRON_INT64, {1, 100});
    Tensor ty(y, HADRON_FLOAT32, {1, 100, 4});
    hadron_tensor inputs[] = {tx.value, tm.value};
    hadron_state *state = nullptr;
    ASSERT_EQ(api->state_create(library, "kv", 1, 100, &state), HADRON_OK);
    ASSERT_EQ(api->run(library, "step", inputs, 2, &ty.value, 1, &state, 1, nullptr, 0, nullptr), HADRON_OK)
        << api->last_error(library);
    EXPECT_EQ(y, std::vector<float>(400, 11));
    api->state_destroy(state);
    api->library_close(library);
  }
}

TEST(SharedObjects, UnloadsAfterItsPoolRan) {
  for (int i = 0; i < 3; ++i) {
    SharedLibrary a(FAKE_A);
    ASSERT_TRUE(a.api);
    hadron_library *library = nullptr;
    hadron_options options = {};
    options.struct_size = sizeof options;
    options.threads = 4;
    ASSERT_EQ(a.api->library_open(a.api->descriptor, nullptr, &options, &library, nullptr, 0), HADRON_OK);
    std::vector<int32_t> in(1000), out(1000);
    Tensor n(in, HADRON_INT32, {1000}), o(out, HADRON_INT32, {1000});
    ASSERT_EQ(a.api->run(library, "isa", &n.value, 1, &o.value, 1, nullptr, 0, nullptr, 0, nullptr), HADRON_OK);
    a.api->library_close(library);
  }
}
