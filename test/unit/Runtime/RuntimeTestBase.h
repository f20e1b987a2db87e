// A library of FakeModel.h with a weights file in a temporary folder, and short ways to call it.
#ifndef HADRON_TEST_UNIT_RUNTIME_RUNTIMETESTBASE_H
#define HADRON_TEST_UNIT_RUNTIME_RUNTIMETESTBASE_H

#include "FakeModel.h"
#include "hadron-c/hadron.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

struct Tensor {
  std::vector<int64_t> shape;
  hadron_tensor value = {};
  template <typename T>
  Tensor(std::vector<T> &data, hadron_dtype dtype, std::vector<int64_t> dims, uint64_t basis = 0) : shape(dims) {
    value.struct_size = sizeof value;
    value.dtype = dtype;
    value.ndim = (int32_t)shape.size();
    value.data = data.data();
    value.shape = shape.data();
    value.basis_hash = basis;
  }
  Tensor(const Tensor &) = delete;
};

class RuntimeTest : public testing::Test {
protected:
  static constexpr float weight = 3;
  std::string folder;
  std::string fileBytes;
  hadron_rt_weights weights = {};
  hadron_rt_descriptor descriptor = {};
  hadron_library *library = nullptr;

  void SetUp() override {
    unsetenv("HADRON_CPU");
    unsetenv("HADRON_THREADS");
    char name[] = "/tmp/hadron-runtime-XXXXXX";
    ASSERT_TRUE(mkdtemp(name));
    folder = name;
    std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    header.resize(fake::weightOffset - 8, ' ');
    uint64_t size = header.size();
    fileBytes.assign(reinterpret_cast<char *>(&size), 8);
    fileBytes += header;
    fileBytes.append(reinterpret_cast<const char *>(&weight), 4);
    writeWeights(fileBytes);
    weights = {"X.weights", (int64_t)fileBytes.size(), hadron_rt_hash(fileBytes.data(), 8 + size), 0, nullptr};
    descriptor = fake::descriptor("X", &weights);
  }
  void TearDown() override {
    hadron_library_close(library);
    unlink((folder + "/X.weights").c_str());
    rmdir(folder.c_str());
  }

  void writeWeights(const std::string &bytes) {
    FILE *file = fopen((folder + "/X.weights").c_str(), "wb");
    ASSERT_TRUE(file);
    fwrite(bytes.data(), 1, bytes.size(), file);
    fclose(file);
  }
  void open(int32_t threads = 2) {
    hadron_options options = {};
    options.struct_size = sizeof options;
    options.threads = threads;
    open(options);
  }
  void open(const hadron_options &options) {
    char error[1024];
    ASSERT_EQ(hadron_library_open(&descriptor, folder.c_str(), &options, &library, error, sizeof error), HADRON_OK)
        << error;
  }
  /// The sentence with which opening fails.
  std::string openError(const void *table, const char *where, int expected) {
    char error[1024];
    hadron_library *result = nullptr;
    EXPECT_EQ(hadron_library_open(table, where, nullptr, &result, error, sizeof error), expected);
    EXPECT_EQ(result, nullptr);
    return error;
  }
  std::string openError(int expected) { return openError(&descriptor, folder.c_str(), expected); }
  hadron_state *newState(int64_t batch, int64_t capacity) {
    hadron_state *state = nullptr;
    EXPECT_EQ(hadron_state_create(library, "kv", batch, capacity, &state), HADRON_OK) << hadron_last_error(library);
    return state;
  }
  /// Runs "step" on x filled with 0, 1, 2, …; returns y.
  std::vector<float> step(hadron_state *state, int64_t batch, int64_t seq, int expected = HADRON_OK) {
    std::vector<float> x(batch * seq * fake::features), y(x.size());
    std::vector<int64_t> mask(batch * (hadron_state_length(state) + seq), 1);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = (float)i;
    Tensor tx(x, HADRON_FLOAT32, {batch, seq, fake::features}, fake::basis);
    Tensor tm(mask, HADRON_INT64, {batch, hadron_state_length(state) + seq});
    Tensor ty(y, HADRON_FLOAT32, {batch, seq, fake::features});
    hadron_tensor inputs[] = {tx.value, tm.value};
    EXPECT_EQ(hadron_run(library, "step", inputs, 2, &ty.value, 1, &state, 1, nullptr, 0, nullptr), expected)
        << hadron_last_error(library);
    return y;
  }
};

#endif // HADRON_TEST_UNIT_RUNTIME_RUNTIMETESTBASE_H
