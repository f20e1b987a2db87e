// MLIR's own streamer for files takes a place only from a plain file location, and leaves half a file behind when a
// compilation fails. This one keeps what it is told, with the node's name.
#include "Remarks.h"

#include "hadron/Pipelines/Place.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Remarks/RemarkFormat.h"
#include "llvm/Remarks/RemarkSerializer.h"
#include <map>
#include <mutex>
#include <vector>

using namespace mlir;

namespace hadron {
namespace {

struct Record {
  llvm::remarks::Type type;
  std::string category, name;
  Place place;
  std::vector<std::pair<std::string, std::string>> arguments;
};

} // namespace

struct RemarkLog::Records {
  // Passes on functions run side by side: each function speaks in its own order, all of them in any.
  std::mutex mutex;
  std::map<std::string, std::vector<Record>> byFunction;
};

namespace {

class Streamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Streamer(std::shared_ptr<RemarkLog::Records> records) : records(std::move(records)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    Record record{remark.getRemarkType(),
                  remark.getCombinedCategoryName().str(),
                  remark.getRemarkName().str(),
                  findPlace(remark.getLocation()),
                  {}};
    if (!record.place.node.empty())
      record.arguments.emplace_back("Node", record.place.node);
    for (const remark::detail::Remark::Arg &argument : remark.getArgs())
      record.arguments.emplace_back(argument.key, argument.val);
    std::lock_guard<std::mutex> lock(records->mutex);
    records->byFunction[remark.getFunction().str()].push_back(std::move(record));
  }

private:
  std::shared_ptr<RemarkLog::Records> records;
};

} // namespace

RemarkLog::RemarkLog(MLIRContext &context) : context(context), records(std::make_shared<Records>()) {
  remark::RemarkCategories ours;
  ours.passed = ours.missed = ours.analysis = ours.failed = "hadron\\..*";
  // The one way to fail is an engine that is there already; this one then hears nothing.
  (void)remark::enableOptimizationRemarks(context, std::make_unique<Streamer>(records),
                                          std::make_unique<remark::RemarkEmittingPolicyAll>(), ours);
}

RemarkLog::~RemarkLog() { context.setRemarkEngine(nullptr); }

std::string RemarkLog::getYAML() const {
  std::lock_guard<std::mutex> lock(records->mutex);
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto serializer = llvm::cantFail(llvm::remarks::createRemarkSerializer(llvm::remarks::Format::YAML, stream));
  for (const auto &[function, list] : records->byFunction)
    for (const Record &record : list) {
      llvm::remarks::Remark remark;
      remark.RemarkType = record.type;
      remark.PassName = record.category;
      remark.RemarkName = record.name;
      remark.FunctionName = function;
      if (!record.place.file.empty())
        remark.Loc = llvm::remarks::RemarkLocation{record.place.file, record.place.line, record.place.column};
      for (const auto &[key, value] : record.arguments)
        remark.Args.emplace_back(key, value);
      serializer->emit(remark);
    }
  serializer->finalize();
  return text;
}

} // namespace hadron
