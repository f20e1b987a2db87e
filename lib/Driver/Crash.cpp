#include "Crash.h"

#include "Command.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/wait.h>
#include <unistd.h>

using namespace hadron::driver;

// What a signal handler may touch: fixed memory, filled before.
static char commandText[4096];
static char temporaryPath[1024];
static char unfinished[4096]; // paths, each with its 0; an empty one ends them

static void say(const char *text) {
  for (size_t left = std::strlen(text); left;) {
    ssize_t written = write(STDERR_FILENO, text, left);
    if (written <= 0)
      return;
    text += written;
    left -= written;
  }
}

/// Removes a folder by another program: nothing in this one can be trusted any more.
static void removeByProgram(const char *path) {
  if (!path[0])
    return;
  // Not fork, which takes the locks of malloc: the thread that is interrupted here may hold them.
  pid_t child = _Fork();
  if (child == 0) {
    execl("/bin/rm", "rm", "-rf", "--", path, static_cast<char *>(nullptr));
    _exit(127);
  }
  if (child > 0)
    waitpid(child, nullptr, 0);
}

static void removeFromOutside() {
  removeByProgram(temporaryPath);
  removeByProgram(unfinished);
  for (const char *path = unfinished; *path; path += std::strlen(path) + 1)
    rmdir(path);
}

void hadron::driver::setUnfinished(llvm::ArrayRef<std::string> folders) {
  unfinished[0] = 0;
  std::string text;
  for (const std::string &folder : folders)
    text += folder + '\0';
  // What is too long stays where it is, hidden and harmless.
  if (text.size() >= sizeof unfinished)
    return;
  // The first character last: an interruption in between finds nothing.
  std::memcpy(unfinished + 1, text.c_str() + !text.empty(), text.size() + text.empty());
  unfinished[0] = text[0];
}

[[noreturn]] static void dieOfBug(const char *what) {
  say("hadron: error: a bug in Hadron: ");
  say(what);
  say("; please report it with the model and this command:");
  say(commandText);
  say("\n");
  removeFromOutside();
  _exit(Bug);
}

static void onCrash(int signal) {
  dieOfBug(signal == SIGSEGV || signal == SIGBUS ? "it read or wrote memory that is not its own"
           : signal == SIGFPE                    ? "it divided by zero"
           : signal == SIGILL                    ? "it came to an instruction that this machine does not have"
                                                 : "it found itself in a state that cannot be");
}

static void onInterrupt(int signal) {
  removeFromOutside();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

static void onFatalError(void *, const char *reason, bool) { dieOfBug(reason); }

static void onOutOfMemory() {
  say("hadron: error: out of memory\n");
  removeFromOutside();
  _exit(WrongInput);
}

void hadron::driver::installCrashHandler(int argc, char **argv) {
  size_t used = 0;
  for (int i = 0; i < argc && used < sizeof commandText - 2; ++i)
    used += std::snprintf(commandText + used, sizeof commandText - used, " %s", i ? argv[i] : "hadron");
  llvm::install_fatal_error_handler(onFatalError);
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) { onOutOfMemory(); });
  std::set_new_handler(onOutOfMemory);
  // A stack of its own: deep recursion ends here too.
  static char stack[64 * 1024];
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  action.sa_handler = onCrash;
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    sigaction(signal, &action, nullptr);
  action.sa_handler = onInterrupt;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaction(signal, &action, nullptr);
  // A reader that went away and a file that may not grow show as errors of the stream.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

std::error_code TemporaryFolder::create() {
  llvm::SmallString<256> path;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("hadron", path))
    return code;
  if (path.size() >= sizeof temporaryPath) {
    (void)llvm::sys::fs::remove(path);
    return std::make_error_code(std::errc::filename_too_long);
  }
  std::memcpy(temporaryPath, path.c_str(), path.size() + 1);
  return {};
}

void TemporaryFolder::remove() {
  if (temporaryPath[0])
    (void)llvm::sys::fs::remove_directories(temporaryPath);
  temporaryPath[0] = 0;
}

llvm::StringRef TemporaryFolder::getPath() const { return temporaryPath; }
