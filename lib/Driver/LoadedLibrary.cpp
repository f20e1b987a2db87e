#include "hadron/Driver/LoadedLibrary.h"

#include "Command.h"
#include "hadron/Runtime/Descriptor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <dlfcn.h>
#include <numeric>

using namespace hadron;
using namespace hadron::driver;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

//===------------------------------------------------------------------------------------------------------------===//
// Descriptions
//===------------------------------------------------------------------------------------------------------------===//

std::string LoadedLibrary::TensorInfo::describe() const {
  return getTypeName(dtype) + " [" + llvm::join(dimensions, ", ") + "]";
}

std::string LoadedLibrary::Member::describe() const {
  return (dtype ? getTypeName(dtype) : "packed") + " [batch, " + std::to_string(heads) + ", length, " +
         std::to_string(dim) + "]";
}

template <typename Range, typename Field>
static auto findBy(const Range &range, Field field, StringRef name) -> decltype(&*range.begin()) {
  auto found = llvm::find_if(range, [&](const auto &element) { return element.*field == name; });
  return found == range.end() ? nullptr : &*found;
}

const LoadedLibrary::TensorInfo *LoadedLibrary::Entry::findInput(StringRef name) const {
  return findBy(inputs, &TensorInfo::name, name);
}
const LoadedLibrary::TensorInfo *LoadedLibrary::Entry::findOutput(StringRef name) const {
  return findBy(outputs, &TensorInfo::name, name);
}
const LoadedLibrary::Slot *LoadedLibrary::Entry::findPast(StringRef name) const {
  return findBy(slots, &Slot::past, name);
}
const LoadedLibrary::Slot *LoadedLibrary::Entry::findPresent(StringRef name) const {
  return findBy(slots, &Slot::present, name);
}

//===------------------------------------------------------------------------------------------------------------===//
// Opening
//===------------------------------------------------------------------------------------------------------------===//

/// Path of the one lib*.so of a folder.
static llvm::Expected<std::string> findObject(StringRef folder) {
  std::vector<std::string> found;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator file(folder, code), end; file != end && !code; file.increment(code)) {
    StringRef name = llvm::sys::path::filename(file->path());
    if (name.starts_with("lib") && name.ends_with(".so"))
      found.push_back(name.str());
  }
  if (code)
    return inputError("cannot read the folder '" + folder + "': " + code.message());
  if (found.empty())
    return inputError("the folder '" + folder + "' holds no library (lib*.so); make one with `hadron compile`");
  llvm::sort(found);
  if (found.size() > 1)
    return inputError("the folder '" + folder + "' holds several libraries: " + llvm::join(found, ", ") +
                      "; a library needs a folder of its own");
  // An absolute path, or dlopen would search its own folders for it.
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, found[0]);
  if ((code = llvm::sys::fs::make_absolute(path)))
    return inputError("cannot find the folder '" + folder + "': " + code.message());
  return path.str().str();
}

llvm::Expected<std::unique_ptr<LoadedLibrary>> LoadedLibrary::open(StringRef folder, int threads) {
  llvm::Expected<std::string> path = findObject(folder);
  if (!path)
    return path.takeError();
  std::unique_ptr<LoadedLibrary> library(new LoadedLibrary);
  library->object = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->object)
    return inputError("cannot load the library: " + Twine(dlerror()));
  auto getApi = reinterpret_cast<const hadron_api *(*)()>(dlsym(library->object, "hadron_get_api"));
  if (!getApi)
    return inputError("'" + *path + "' was not made by Hadron: it has no function hadron_get_api");
  library->api = getApi();
  if (library->api->struct_size < sizeof(hadron_api))
    return inputError("'" + *path + "' was made by an older version of Hadron; compile the model again");
  hadron_options options = {};
  options.struct_size = sizeof options;
  options.threads = threads;
  char error[1024] = "";
  // The data is beside the object wherever that lies, which the runtime finds out from the folder.
  std::string parent = llvm::sys::path::parent_path(*path).str();
  if (library->api->library_open(library->api->descriptor, parent.c_str(), &options, &library->handle, error,
                                 sizeof error) != HADRON_OK)
    return inputError(error);
  if (llvm::Error failed = library->describe())
    return std::move(failed);
  return library;
}

LoadedLibrary::~LoadedLibrary() {
  if (handle)
    api->library_close(handle);
  if (object)
    dlclose(object);
}

template <typename Info>
static Info sized() {
  Info info = {};
  info.struct_size = sizeof info;
  return info;
}

static LoadedLibrary::TensorInfo makeTensorInfo(const hadron_tensor_info &info) {
  LoadedLibrary::TensorInfo result = {info.name, info.dtype, {}, {}, info.basis_hash};
  result.shape.assign(info.shape, info.shape + info.ndim);
  result.dimensions.assign(info.dimensions, info.dimensions + info.ndim);
  return result;
}

llvm::Error LoadedLibrary::describe() {
  auto info = sized<hadron_library_info>();
  if (llvm::Error error = check(api->get_library_info(handle, &info)))
    return error;
  name = info.name;
  chip = info.cpu;
  threads = info.threads;
  for (size_t s = 0; s < info.states; ++s) {
    auto state = sized<hadron_state_info>();
    if (llvm::Error error = check(api->get_state_info(handle, s, &state)))
      return error;
    states.push_back({state.name, {}});
    for (size_t m = 0; m < state.members; ++m) {
      auto member = sized<hadron_member_info>();
      if (llvm::Error error = check(api->get_member_info(handle, s, m, &member)))
        return error;
      states.back().members.push_back({member.name, member.dtype, member.heads, member.dim, member.basis_hash});
    }
  }
  // Opening has checked that the descriptor is of the version that the library's own runtime knows. Its pairs of graph
  // inputs and outputs have no function of their own.
  const auto &descriptor = *static_cast<const hadron_rt_descriptor *>(api->descriptor);
  if (descriptor.abi != HADRON_RT_ABI)
    return inputError("library '" + name + "' was made by another version of Hadron; compile the model again");
  for (size_t e = 0; e < info.entries; ++e) {
    auto entryInfo = sized<hadron_entry_info>();
    if (llvm::Error error = check(api->get_entry_info(handle, e, &entryInfo)))
      return error;
    Entry entry;
    entry.name = entryInfo.name;
    auto tensor = sized<hadron_tensor_info>();
    for (size_t i = 0; i < entryInfo.inputs; ++i) {
      if (llvm::Error error = check(api->get_input_info(handle, e, i, &tensor)))
        return error;
      entry.inputs.push_back(makeTensorInfo(tensor));
    }
    for (size_t i = 0; i < entryInfo.outputs; ++i) {
      if (llvm::Error error = check(api->get_output_info(handle, e, i, &tensor)))
        return error;
      entry.outputs.push_back(makeTensorInfo(tensor));
    }
    for (size_t i = 0; i < entryInfo.states; ++i)
      entry.states.push_back(api->get_entry_state(handle, e, i));
    const hadron_rt_entry &raw = descriptor.entries[e];
    for (int64_t i = 0; i < raw.slot_count; ++i) {
      const hadron_rt_slot &slot = raw.slots[i];
      size_t state = llvm::find(entry.states, size_t(slot.state)) - entry.states.begin();
      entry.slots.push_back({slot.past, slot.present, state, size_t(slot.member)});
    }
    entries.push_back(std::move(entry));
  }
  return llvm::Error::success();
}

llvm::Error LoadedLibrary::check(int status) const {
  if (status == HADRON_OK)
    return llvm::Error::success();
  if (status == HADRON_FAILED)
    return bugError(api->last_error(handle));
  return inputError(api->last_error(handle));
}

llvm::Expected<const LoadedLibrary::Entry *> LoadedLibrary::getEntry(StringRef entryName) const {
  if (entryName.empty() && entries.size() == 1)
    return &entries[0];
  if (const Entry *entry = findBy(entries, &Entry::name, entryName))
    return entry;
  std::string known = llvm::join(llvm::map_range(entries, [](const Entry &e) { return e.name; }), ", ");
  if (entryName.empty())
    return inputError("library '" + name + "' has several entry points; name one with --entry: " + known);
  return inputError("library '" + name + "' has no entry point '" + entryName + "'; it has " + known);
}

//===------------------------------------------------------------------------------------------------------------===//
// States
//===------------------------------------------------------------------------------------------------------------===//

LibraryState::~LibraryState() {
  if (handle)
    library->api->state_destroy(handle);
}

int64_t LibraryState::getLength() const { return library->api->state_length(handle); }
int64_t LibraryState::getBatch() const { return library->api->state_batch(handle); }
llvm::Error LibraryState::setLength(int64_t length) {
  return library->check(library->api->state_set_length(handle, length));
}

static hadron_tensor view(int32_t dtype, const void *data, ArrayRef<int64_t> shape, uint64_t basis) {
  auto tensor = sized<hadron_tensor>();
  tensor.dtype = dtype;
  tensor.ndim = static_cast<int32_t>(shape.size());
  tensor.data = const_cast<void *>(data);
  tensor.shape = shape.data();
  tensor.device_type = HADRON_CPU;
  tensor.basis_hash = basis;
  return tensor;
}
static hadron_tensor view(const Tensor &tensor, uint64_t basis) {
  return view(tensor.dtype, tensor.data.data(), tensor.shape, basis);
}

llvm::Error LibraryState::write(size_t member, const Tensor &tensor) {
  hadron_tensor source = view(tensor, library->states[index].members[member].basis);
  return library->check(library->api->state_write(handle, member, &source));
}

llvm::Expected<Tensor> LibraryState::read(size_t member) const {
  const LoadedLibrary::Member &info = library->states[index].members[member];
  if (!info.dtype)
    return inputError("the state's member '" + info.name + "' is packed and cannot be written as an array");
  Tensor tensor(info.dtype, {getBatch(), info.heads, getLength(), info.dim});
  hadron_tensor target = view(tensor, info.basis);
  if (llvm::Error error = library->check(library->api->state_read(handle, member, &target)))
    return std::move(error);
  return tensor;
}

llvm::Expected<LibraryState> LoadedLibrary::createState(size_t state, int64_t batch, int64_t capacity) const {
  hadron_state *created = nullptr;
  if (llvm::Error error = check(api->state_create(handle, states[state].name.c_str(), batch, capacity, &created)))
    return std::move(error);
  return LibraryState(*this, state, created);
}

llvm::Expected<std::vector<LibraryState>> LoadedLibrary::createStates(const Entry &entry, int64_t batch, int64_t length,
                                                                      int64_t room) const {
  std::vector<LibraryState> result;
  for (size_t state : entry.states) {
    llvm::Expected<LibraryState> created = createState(state, batch, length + room);
    if (!created)
      return created.takeError();
    if (llvm::Error error = created->setLength(length))
      return std::move(error);
    result.push_back(std::move(*created));
  }
  return result;
}

llvm::Expected<std::vector<LibraryState>> LoadedLibrary::createStates(const Entry &entry, ArrayRef<Tensor> inputs,
                                                                      int64_t batch, int64_t length) const {
  if (entry.states.empty())
    return std::vector<LibraryState>();
  // How many sequences and new rows there are is decided by the library's own plan: what it accepts is right.
  llvm::SmallVector<int64_t> batches;
  if (batch)
    batches.push_back(batch);
  for (const Tensor &input : inputs)
    if (!batch && !input.shape.empty() && input.shape[0] > 0 && !llvm::is_contained(batches, input.shape[0]))
      batches.push_back(input.shape[0]);
  if (batches.empty())
    batches.push_back(1);
  constexpr int64_t mostRoom = int64_t(1) << 31;
  std::string firstError;
  for (int64_t candidate : batches) {
    for (int64_t room = 1; room <= mostRoom; room *= 2) {
      llvm::Expected<std::vector<LibraryState>> created = createStates(entry, candidate, length, room);
      if (!created)
        return created.takeError();
      std::vector<int64_t> dimensions;
      int status = tryPlan(entry, inputs, *created, dimensions);
      if (status == HADRON_OK)
        return created;
      if (status == HADRON_CAPACITY)
        continue;
      if (firstError.empty())
        firstError = api->last_error(handle);
      break;
    }
  }
  return inputError(firstError.empty() ? "no state is large enough for this call" : firstError);
}

//===------------------------------------------------------------------------------------------------------------===//
// Calls
//===------------------------------------------------------------------------------------------------------------===//

static std::vector<hadron_tensor> viewAll(ArrayRef<Tensor> tensors, ArrayRef<LoadedLibrary::TensorInfo> infos) {
  std::vector<hadron_tensor> views;
  for (auto [tensor, info] : llvm::zip_equal(tensors, infos))
    views.push_back(view(tensor, info.basis));
  return views;
}

int LoadedLibrary::tryPlan(const Entry &entry, ArrayRef<Tensor> inputs, ArrayRef<LibraryState> entryStates,
                           std::vector<int64_t> &dimensions) const {
  std::vector<hadron_tensor> views = viewAll(inputs, entry.inputs);
  std::vector<hadron_state *> handles;
  for (const LibraryState &state : entryStates)
    handles.push_back(state.handle);
  size_t count = 0;
  for (const TensorInfo &output : entry.outputs)
    count += output.shape.size();
  dimensions.resize(count);
  return api->entry_plan(handle, entry.name.c_str(), views.data(), views.size(), handles.data(), handles.size(),
                         dimensions.data(), nullptr);
}

llvm::Expected<std::vector<Tensor>> LoadedLibrary::plan(const Entry &entry, ArrayRef<Tensor> inputs,
                                                        ArrayRef<LibraryState> entryStates) const {
  std::vector<int64_t> dimensions;
  if (llvm::Error error = check(tryPlan(entry, inputs, entryStates, dimensions)))
    return std::move(error);
  std::vector<Tensor> outputs;
  ArrayRef<int64_t> rest = dimensions;
  for (const TensorInfo &output : entry.outputs) {
    outputs.emplace_back(output.dtype, rest.take_front(output.shape.size()));
    rest = rest.drop_front(output.shape.size());
  }
  return outputs;
}

llvm::Error LoadedLibrary::run(const Entry &entry, ArrayRef<Tensor> inputs, llvm::MutableArrayRef<Tensor> outputs,
                               ArrayRef<LibraryState> entryStates) const {
  std::vector<hadron_tensor> in = viewAll(inputs, entry.inputs), out = viewAll(outputs, entry.outputs);
  std::vector<hadron_state *> handles;
  for (const LibraryState &state : entryStates)
    handles.push_back(state.handle);
  return check(api->run(handle, entry.name.c_str(), in.data(), in.size(), out.data(), out.size(), handles.data(),
                        handles.size(), nullptr, 0, nullptr));
}
