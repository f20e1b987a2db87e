// Over the library of test/unit/Runtime/FakeModel.h.
#include "hadron/Driver/LoadedLibrary.h"

#include "gtest/gtest.h"

using namespace hadron::driver;

static std::unique_ptr<LoadedLibrary> open() {
  llvm::Expected<std::unique_ptr<LoadedLibrary>> library = LoadedLibrary::open(FAKE_FOLDER, /*threads=*/2);
  if (library)
    return std::move(*library);
  ADD_FAILURE() << llvm::toString(library.takeError());
  return nullptr;
}

TEST(LoadedLibrary, Describes) {
  auto library = open();
  ASSERT_TRUE(library);
  EXPECT_EQ(library->getName(), "fakeA");
  EXPECT_EQ(library->getThreads(), 2);
  const LoadedLibrary::Entry &step = library->getEntries()[0];
  EXPECT_EQ(step.inputs[1].describe(), "int64 [batch, past + seq]");
  ASSERT_TRUE(step.findPresent("present.value"));
  EXPECT_EQ(step.findPresent("present.value")->past, "past.value");
  EXPECT_FALSE(step.findPresent("past.value"));
  EXPECT_EQ(library->getStates()[0].members[1].describe(), "float32 [batch, 2, length, 2]");
}

TEST(LoadedLibrary, FindsBatchAndCapacity) {
  auto library = open();
  ASSERT_TRUE(library);
  const LoadedLibrary::Entry &step = library->getEntries()[0];
  std::vector<Tensor> inputs;
  inputs.emplace_back(HADRON_FLOAT32, llvm::ArrayRef<int64_t>{3, 100, 4});
  inputs.emplace_back(HADRON_INT64, llvm::ArrayRef<int64_t>{3, 107});
  auto states = library->createStates(step, inputs, /*batch=*/0, /*length=*/7);
  ASSERT_TRUE(bool(states)) << llvm::toString(states.takeError());
  EXPECT_EQ((*states)[0].getBatch(), 3);
  auto outputs = library->plan(step, inputs, *states);
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].shape, (std::vector<int64_t>{3, 100, 4}));
  EXPECT_FALSE(bool(library->run(step, inputs, *outputs, *states)));
  EXPECT_EQ((*states)[0].getLength(), 107);

  // A mask that fits nothing: the library's own sentence.
  inputs[1] = Tensor(HADRON_INT64, {3, 101});
  auto wrong = library->createStates(step, inputs, 0, 7);
  ASSERT_FALSE(bool(wrong));
  EXPECT_NE(llvm::toString(wrong.takeError()).find("'past + seq' = 107; the call passes 101"), std::string::npos);
}
