// hadron bench: how long entry points take, inside this process.
#include "Command.h"
#include "Measure.h"
#include "TokenLoop.h"
#include "hadron/Support/SymbolicSize.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <map>
#include <random>

using namespace hadron;
using namespace hadron::driver;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

//===------------------------------------------------------------------------------------------------------------===//
// Inputs
//===------------------------------------------------------------------------------------------------------------===//

using Shapes = std::map<std::string, std::vector<int64_t>>;

static llvm::Expected<Shapes> getShapes(const Arguments &arguments) {
  auto pairs = arguments.getPairs(OPT_input_shape);
  if (!pairs)
    return pairs.takeError();
  Shapes shapes;
  for (const auto &[name, text] : *pairs) {
    llvm::SmallVector<StringRef> parts;
    StringRef(text).split(parts, 'x');
    for (StringRef part : parts) {
      int64_t dim;
      if (part.getAsInteger(10, dim) || dim < 0)
        return usageError("--input-shape is '" + name + "=" + text + "'; it must be NAME=1x4096");
      shapes[name].push_back(dim);
    }
  }
  return shapes;
}

/// Values of symbols that shapes given for inputs decide; states are empty, so what their length is named is 0 where it
/// is the rest of a sum.
static std::map<std::string, int64_t> bindSymbols(const LoadedLibrary::Entry &entry, const Shapes &shapes) {
  std::map<std::string, int64_t> values;
  for (const LoadedLibrary::TensorInfo &input : entry.inputs)
    if (auto given = shapes.find(input.name); given != shapes.end())
      for (auto [text, dim] : llvm::zip(input.dimensions, given->second))
        if (SymbolicSize::isSymbolName(text))
          values.try_emplace(text, dim);
  return values;
}

/// The shape of an input: given, or static, or following from others.
static llvm::Expected<std::vector<int64_t>> getShape(const LoadedLibrary::Entry &entry,
                                                     const LoadedLibrary::TensorInfo &input, const Shapes &shapes,
                                                     const std::map<std::string, int64_t> &symbols) {
  if (auto given = shapes.find(input.name); given != shapes.end()) {
    bool fits = given->second.size() == input.shape.size();
    for (size_t d = 0; fits && d < input.shape.size(); ++d)
      fits = input.shape[d] < 0 || input.shape[d] == given->second[d];
    if (!fits)
      return inputError("--input-shape gives " + formatShape(given->second) + " for input '" + input.name +
                        "', which is " + input.describe());
    return given->second;
  }
  std::vector<int64_t> shape = input.shape;
  for (auto [d, dim] : llvm::enumerate(shape)) {
    if (dim >= 0)
      continue;
    std::optional<SymbolicSize> size = SymbolicSize::parse(input.dimensions[d]);
    std::optional<int64_t> value;
    if (size)
      value = size->evaluate([&](StringRef symbol) -> std::optional<int64_t> {
        if (auto known = symbols.find(symbol.str()); known != symbols.end())
          return known->second;
        // No input has this size by itself: the length of a state, all of which are empty.
        bool isInput = llvm::any_of(entry.inputs, [&](const LoadedLibrary::TensorInfo &other) {
          return llvm::is_contained(other.dimensions, symbol);
        });
        return !isInput && !entry.states.empty() ? std::optional<int64_t>(0) : std::nullopt;
      });
    if (!value || *value < 0)
      return inputError("input '" + input.name + "' is " + input.describe() + "; give its sizes with --input-shape " +
                        input.name + "=" +
                        llvm::join(llvm::map_range(input.dimensions, [](StringRef text) { return text.str(); }), "x"));
    dim = *value;
  }
  return shape;
}

/// Random values: floats around 0, integers that are small enough to be token ids, masks of ones.
static void fillRandom(Tensor &tensor, StringRef name, std::mt19937_64 &random) {
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> ids(0, 15), bits(0, 1);
  bool isMask = name.contains("mask");
  for (int64_t i = 0, n = tensor.size(); i < n; ++i)
    switch (tensor.dtype) {
    case HADRON_FLOAT32:
      tensor.as<float>()[i] = normal(random);
      break;
    case HADRON_FLOAT64:
      tensor.as<double>()[i] = normal(random);
      break;
    case HADRON_FLOAT16: // 1 … 2 in magnitude, of either sign
      tensor.as<uint16_t>()[i] = 0x3c00 | (random() & 0x83ff);
      break;
    case HADRON_BFLOAT16:
      tensor.as<uint16_t>()[i] = 0x3f80 | (random() & 0x807f);
      break;
    case HADRON_BOOL:
      tensor.as<uint8_t>()[i] = isMask ? 1 : bits(random);
      break;
    default: { // little-endian: the low byte of any width
      tensor.data[i * getWidth(tensor.dtype)] = isMask ? 1 : ids(random);
    }
    }
}

//===------------------------------------------------------------------------------------------------------------===//
// Entry points
//===------------------------------------------------------------------------------------------------------------===//

namespace {
struct Plan {
  int64_t repeat; // 0: as the time goes
  double minSeconds;
};
} // namespace

static llvm::Expected<json::Object> benchEntry(const LoadedLibrary &library, const LoadedLibrary::Entry &entry,
                                               const Shapes &shapes, const Plan &plan) {
  std::mt19937_64 random(1);
  std::vector<Tensor> inputs;
  json::Object shapesJson;
  std::map<std::string, int64_t> symbols = bindSymbols(entry, shapes);
  for (const LoadedLibrary::TensorInfo &input : entry.inputs) {
    llvm::Expected<std::vector<int64_t>> shape = getShape(entry, input, shapes, symbols);
    if (!shape)
      return shape.takeError();
    Tensor tensor(input.dtype, *shape);
    fillRandom(tensor, input.name, random);
    inputs.push_back(std::move(tensor));
    shapesJson[input.name] = json::Array(*shape);
  }
  llvm::Expected<std::vector<LibraryState>> states = library.createStates(entry, inputs, /*batch=*/0, /*length=*/0);
  if (!states)
    return states.takeError();
  llvm::Expected<std::vector<Tensor>> outputs = library.plan(entry, inputs, *states);
  if (!outputs)
    return outputs.takeError();
  auto call = [&]() -> llvm::Error {
    for (LibraryState &state : *states)
      if (llvm::Error error = state.setLength(0))
        return error;
    return library.run(entry, inputs, *outputs, *states);
  };
  Stopwatch first;
  if (llvm::Error error = call())
    return std::move(error);
  double firstSeconds = first.getSeconds();
  Samples samples;
  if (llvm::Error error = samples.collect(call, plan.repeat, plan.minSeconds))
    return std::move(error);
  llvm::outs() << entry.name << "  "
               << llvm::join(llvm::map_range(llvm::zip(entry.inputs, inputs),
                                             [](auto pair) {
                                               return std::get<0>(pair).name + " " +
                                                      formatShape(std::get<1>(pair).shape);
                                             }),
                             ", ")
               << llvm::format(": median %.1f us, min %.1f, max %.1f, ", 1e6 * samples.getMedian(),
                               1e6 * samples.getLeast(), 1e6 * samples.getMost())
               << samples.size() << llvm::format(" runs; first call %.1f us\n", 1e6 * firstSeconds);
  return json::Object{{"name", entry.name},
                      {"shapes", std::move(shapesJson)},
                      {"runs", int64_t(samples.size())},
                      {"median_us", 1e6 * samples.getMedian()},
                      {"min_us", 1e6 * samples.getLeast()},
                      {"max_us", 1e6 * samples.getMost()},
                      {"first_us", 1e6 * firstSeconds}};
}

//===------------------------------------------------------------------------------------------------------------===//
// Token loops
//===------------------------------------------------------------------------------------------------------------===//

static void report(json::Object &object, StringRef name, const Samples &rates) {
  object[name] = rates.getMedian();
  object[(name + "_min").str()] = rates.getLeast();
  object[(name + "_max").str()] = rates.getMost();
  llvm::outs() << llvm::left_justify(name, 22)
               << llvm::format("median %.1f, min %.1f, max %.1f\n", rates.getMedian(), rates.getLeast(),
                               rates.getMost());
}

static llvm::Error benchTokens(const LoadedLibrary &library, StringRef subject, int64_t prompt, int64_t decode,
                               const Plan &plan, json::Object &object) {
  llvm::Expected<TokenLoop> loop = TokenLoop::create(library, subject);
  if (!loop)
    return loop.takeError();
  int64_t vocabulary = loop->getVocabulary() ? std::min<int64_t>(loop->getVocabulary(), 1000) : 16;
  std::vector<int64_t> tokens(prompt);
  for (auto [i, token] : llvm::enumerate(tokens))
    token = int64_t(i) % vocabulary;
  Samples prefills, decodes;
  auto once = [&](bool isTimed) -> llvm::Error {
    if (llvm::Error error = loop->begin(prompt + decode))
      return error;
    Stopwatch prefill;
    if (llvm::Error error = loop->feed(tokens))
      return error;
    llvm::Expected<int64_t> next = loop->getBest();
    double prefillSeconds = prefill.getSeconds();
    Stopwatch steps;
    for (int64_t i = 0; next && i < decode; ++i) {
      if (llvm::Error error = loop->feed(*next))
        return error;
      next = loop->getBest();
    }
    if (!next)
      return next.takeError();
    if (!isTimed)
      return llvm::Error::success();
    prefills.add(prompt / prefillSeconds);
    if (decode)
      decodes.add(decode / steps.getSeconds());
    return llvm::Error::success();
  };
  if (llvm::Error error = once(/*isTimed=*/false))
    return error;
  constexpr int64_t leastLoops = 3, mostLoops = 100;
  Stopwatch all;
  for (int64_t i = 0;
       plan.repeat ? i < plan.repeat : i < leastLoops || (i < mostLoops && all.getSeconds() < plan.minSeconds); ++i)
    if (llvm::Error error = once(/*isTimed=*/true))
      return error;
  report(object, "prefill_tokens_per_s", prefills);
  if (decode)
    report(object, "decode_tokens_per_s", decodes);
  return llvm::Error::success();
}

llvm::Error driver::runBench(const Arguments &arguments) {
  llvm::Expected<std::string> subject = arguments.getSubject("DIR|MODEL");
  if (!subject)
    return subject.takeError();
  llvm::Expected<Shapes> shapes = getShapes(arguments);
  if (!shapes)
    return shapes.takeError();
  llvm::Expected<int64_t> repeat = arguments.getNumber(OPT_repeat, 0, 1, 1000000000);
  if (!repeat)
    return repeat.takeError();
  llvm::Expected<double> minSeconds = arguments.getReal(OPT_min_time, 0.5);
  if (!minSeconds)
    return minSeconds.takeError();
  llvm::Expected<int64_t> prompt = arguments.getNumber(OPT_prompt_tokens, 16, 1, 1 << 24);
  if (!prompt)
    return prompt.takeError();
  llvm::Expected<int64_t> decode = arguments.getNumber(OPT_decode_tokens, 0, 0, 1 << 24);
  if (!decode)
    return decode.takeError();
  llvm::Expected<OpenedSubject> opened = openSubject(arguments, *subject);
  if (!opened)
    return opened.takeError();
  const LoadedLibrary &library = *opened->library;
  for (const auto &[name, shape] : *shapes)
    if (llvm::none_of(library.getEntries(), [name = name](const auto &entry) { return entry.findInput(name); }))
      return inputError("--input-shape: there is no input '" + name + "' in library '" + library.getName() + "'");

  // The figures stand alone on stdout when they are JSON.
  bool isLoop = arguments.has(OPT_prompt_tokens) || arguments.has(OPT_decode_tokens);
  ForeignTime foreign;
  json::Array entries;
  json::Object result;
  if (isLoop)
    if (llvm::Error error = benchTokens(library, *subject, *prompt, *decode, {*repeat, *minSeconds}, result))
      return error;
  if (!isLoop || !shapes->empty())
    for (const LoadedLibrary::Entry &entry : library.getEntries()) {
      llvm::Expected<json::Object> figures = benchEntry(library, entry, *shapes, {*repeat, *minSeconds});
      if (!figures)
        return figures.takeError();
      entries.push_back(std::move(*figures));
    }
  double cores = foreign.getCores();
  llvm::outs() << llvm::format("load %.1f us; %d threads, ", 1e6 * opened->loadSeconds, library.getThreads())
               << library.getChip() << llvm::format("; other processes took %.2f cores\n", cores);
  if (!arguments.has(OPT_json))
    return llvm::Error::success();
  result["library"] = library.getName();
  result["threads"] = library.getThreads();
  result["chip"] = library.getChip();
  result["device"] = "cpu";
  result["entries"] = std::move(entries);
  result["load_us"] = 1e6 * opened->loadSeconds;
  result["foreign"] = cores;
  return writeWhole(arguments.get(OPT_json), llvm::formatv("{0:2}\n", json::Value(std::move(result))).str());
}
