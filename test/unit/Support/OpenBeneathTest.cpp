#include "hadron/Support/OpenBeneath.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

using namespace hadron;

namespace {

// folder/model/{data, sub/data, link → data, outside → ../secret, hard = data2, fifo}, folder/secret
class OpenBeneathTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> root;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("hadron-open", root));
    folder = root.str().str();
    model = folder + "/model";
    ASSERT_EQ(mkdir(model.c_str(), 0755), 0);
    ASSERT_EQ(mkdir((model + "/sub").c_str(), 0755), 0);
    for (const std::string &path : {folder + "/secret", model + "/data", model + "/sub/data", model + "/data2"}) {
      std::error_code error;
      llvm::raw_fd_ostream(path, error) << "12345678";
      ASSERT_FALSE(error);
    }
    ASSERT_EQ(symlink("data", (model + "/link").c_str()), 0);
    ASSERT_EQ(symlink("../secret", (model + "/outside").c_str()), 0);
    ASSERT_EQ(symlink("sub", (model + "/linkdir").c_str()), 0);
    ASSERT_EQ(link((model + "/data2").c_str(), (model + "/hard").c_str()), 0);
    ASSERT_EQ(mkfifo((model + "/fifo").c_str(), 0644), 0);
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string tryOpen(llvm::StringRef path, bool refuseHardLinks = false) {
    llvm::Expected<OpenedFile> file = openBeneath(model, path, refuseHardLinks);
    if (!file)
      return llvm::toString(file.takeError());
    close(file->descriptor);
    return file->size == 8 ? "ok" : "wrong size";
  }

  std::string folder, model;
};

TEST_F(OpenBeneathTest, Plain) {
  EXPECT_EQ(tryOpen("data"), "ok");
  EXPECT_EQ(tryOpen("./sub//data"), "ok");
  EXPECT_EQ(tryOpen("hard"), "ok");
}

TEST_F(OpenBeneathTest, Refused) {
  EXPECT_EQ(tryOpen(""), "the path is empty");
  EXPECT_NE(tryOpen("/etc/passwd").find("absolute"), std::string::npos);
  EXPECT_NE(tryOpen("../secret").find("'..'"), std::string::npos);
  EXPECT_NE(tryOpen("sub/../../secret").find("'..'"), std::string::npos);
  EXPECT_NE(tryOpen("sub\\data").find("backslash"), std::string::npos);
  EXPECT_NE(tryOpen(llvm::StringRef("data\0.x", 7)).find("NUL"), std::string::npos);
  EXPECT_NE(tryOpen("link").find("symbolic link"), std::string::npos);
  EXPECT_NE(tryOpen("outside").find("symbolic link"), std::string::npos);
  EXPECT_NE(tryOpen("linkdir/data").find("symbolic link"), std::string::npos);
  EXPECT_NE(tryOpen("sub").find("regular file"), std::string::npos);
  EXPECT_NE(tryOpen("fifo").find("regular file"), std::string::npos);
  EXPECT_NE(tryOpen("./").find("names no file"), std::string::npos);
  EXPECT_EQ(tryOpen("absent"), "No such file or directory");
  EXPECT_EQ(tryOpen("%s%n"), "No such file or directory");
  EXPECT_NE(tryOpen("hard", /*refuseHardLinks=*/true).find("2 hard links"), std::string::npos);
}

} // namespace
