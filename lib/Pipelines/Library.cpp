// Manifest, header, and the folder that a library appears in.
#include "Library.h"

#include "Hadron/IR/Hadron.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace json = llvm::json;
namespace fs = llvm::sys::fs;

namespace hadron {
namespace {

std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text == "i1" ? "bool" : text;
}

json::Array shapeJson(ArrayRef<SymbolicSize> shape) {
  json::Array array;
  for (const SymbolicSize &size : shape) {
    if (auto constant = size.getConstant())
      array.push_back(*constant);
    else
      array.push_back(size.str());
  }
  return array;
}

json::Array tensorsJson(ArrayRef<host::Entry::Tensor> tensors) {
  json::Array array;
  for (const host::Entry::Tensor &tensor : tensors) {
    json::Object object{
        {"name", tensor.name}, {"dtype", typeText(tensor.type.getElementType())}, {"shape", shapeJson(tensor.shape)}};
    if (!tensor.basis.empty())
      object["basis"] = tensor.basis;
    array.push_back(std::move(object));
  }
  return array;
}

} // namespace

std::string writeManifest(StringRef library, ArrayRef<host::Entry> entries, const host::Weights &weights,
                          ArrayRef<const cpu::Target *> targets, StringRef source) {
  json::Array entryArray, chips;
  for (const host::Entry &entry : entries) {
    json::Array states;
    for (const host::Entry::State &state : entry.states)
      states.push_back(json::Object{{"past", state.past},
                                    {"present", state.present},
                                    {"group", state.group},
                                    {"dtype", typeText(state.element)},
                                    {"shape", json::Array{state.batch, state.heads, state.length, state.dim}},
                                    {"new_length", state.newLength.str()}});
    entryArray.push_back(json::Object{{"name", entry.name},
                                      {"inputs", tensorsJson(entry.inputs)},
                                      {"outputs", tensorsJson(entry.outputs)},
                                      {"states", std::move(states)}});
  }
  for (const cpu::Target *target : targets)
    chips.push_back(target->name);
  json::Object root{{"format", 1},
                    {"hadron", host::version()},
                    {"library", library},
                    {"source", source},
                    {"target", json::Object{{"triple", "x86_64-unknown-linux-gnu"}, {"chips", std::move(chips)}}},
                    {"weights", json::Object{{"file", weights.file},
                                             {"bytes", weights.bytes},
                                             {"parameters", static_cast<int64_t>(weights.parameters.size())}}},
                    {"entries", std::move(entryArray)}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}\n", json::Value(std::move(root)));
  return text;
}

std::string writeHeader(StringRef library, ArrayRef<host::Entry> entries) {
  std::string id = host::identifier(library), upper = StringRef(id).upper(), text;
  llvm::raw_string_ostream os(text);
  os << "/* Library " << library << ", made by Hadron " << host::version() << ". Link lib" << library
     << ".so, or dlopen it and ask for " << id << "_hadron_descriptor.\n *\n";
  for (const host::Entry &entry : entries) {
    os << " * Entry \"" << entry.name << "\"\n";
    auto list = [&](StringRef what, ArrayRef<host::Entry::Tensor> tensors) {
      for (auto [i, tensor] : llvm::enumerate(tensors)) {
        os << " *   " << what << " " << i << "  " << tensor.name << ": " << typeText(tensor.type.getElementType())
           << "[";
        llvm::interleaveComma(tensor.shape, os, [&](const SymbolicSize &size) { os << size.str(); });
        os << "]" << (tensor.basis.empty() ? "" : " in " + tensor.basis) << "\n";
      }
    };
    list("input ", entry.inputs);
    list("output", entry.outputs);
    for (const host::Entry::State &state : entry.states)
      os << " *   state " << state.group << "  " << state.past << " -> " << state.present << ": "
         << typeText(state.element) << "[" << state.batch << ", " << state.heads << ", capacity, " << state.dim
         << "]\n";
  }
  os << " */\n#ifndef HADRON_LIBRARY_" << upper << "_H\n#define HADRON_LIBRARY_" << upper
     << "_H\n\n#include <hadron-c/hadron.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
     << "/* What hadron_library_open takes to open this library. */\nconst void *" << id
     << "_hadron_descriptor(void);\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// Removes folders, each of which must be empty by then: whatever else came into one keeps it.
static void removeEmpty(ArrayRef<std::string> folders) {
  for (const std::string &folder : folders)
    (void)fs::remove(folder);
}

llvm::Expected<StagedFolder> StagedFolder::create(StringRef folder) {
  StagedFolder staged;
  staged.folder = folder.str();
  for (StringRef path = folder; !path.empty() && !fs::exists(path); path = llvm::sys::path::parent_path(path))
    staged.created.push_back(path.str());
  // As mkdir makes them: the umask says who may read a library.
  if (std::error_code ec = fs::create_directories(folder, /*IgnoreExisting=*/true, fs::all_all)) {
    removeEmpty(staged.created);
    return llvm::createStringError(ec, "cannot make the folder %s: %s", staged.folder.c_str(), ec.message().c_str());
  }
  SmallString<256> path;
  fs::createUniquePath(folder + "/.hadron-%%%%%%%%", path, /*MakeAbsolute=*/false);
  if (std::error_code ec = fs::create_directory(path)) {
    removeEmpty(staged.created);
    return llvm::createStringError(ec, "cannot write into the folder %s: %s", staged.folder.c_str(),
                                   ec.message().c_str());
  }
  staged.staging = path.str().str();
  return staged;
}

StagedFolder::StagedFolder(StagedFolder &&other)
    : folder(std::move(other.folder)), staging(std::move(other.staging)), created(std::move(other.created)) {
  other.staging.clear();
}

StagedFolder::~StagedFolder() {
  if (staging.empty())
    return;
  (void)fs::remove_directories(staging);
  removeEmpty(created);
}

std::vector<std::string> StagedFolder::temporaries() const {
  std::vector<std::string> result{staging};
  llvm::append_range(result, created);
  return result;
}

std::string StagedFolder::path(StringRef file) const { return staging + "/" + file.str(); }

llvm::Error StagedFolder::write(StringRef file, StringRef contents) const {
  std::error_code ec;
  llvm::raw_fd_ostream stream(path(file), ec);
  if (!ec) {
    stream << contents;
    stream.close();
    ec = stream.error();
    stream.clear_error();
  }
  if (ec)
    return llvm::createStringError(ec, "cannot write %s/%s: %s", folder.c_str(), file.str().c_str(),
                                   ec.message().c_str());
  return llvm::Error::success();
}

void StagedFolder::restore(ArrayRef<std::string> files) {
  for (const std::string &file : files)
    if (fs::rename(path(file + ".old"), folder + "/" + file))
      (void)fs::remove(folder + "/" + file); // there was none
}

llvm::Error StagedFolder::commit(ArrayRef<std::string> files) {
  for (auto [i, file] : llvm::enumerate(files)) {
    std::string target = folder + "/" + file;
    // A second name for the old file: a reader never finds none.
    std::error_code ec = fs::is_directory(target) ? std::make_error_code(std::errc::is_a_directory)
                         : fs::exists(target)     ? fs::create_hard_link(target, path(file + ".old"))
                                                  : std::error_code();
    if (ec && ec != std::errc::is_a_directory) // file systems without links
      ec = fs::copy_file(target, path(file + ".old"));
    if (!ec)
      ec = fs::rename(path(file), target);
    if (ec) {
      restore(files.take_front(i));
      return llvm::createStringError(ec, "cannot replace %s: %s", target.c_str(), ec.message().c_str());
    }
  }
  (void)fs::remove_directories(staging);
  staging.clear();
  return llvm::Error::success();
}

} // namespace hadron
