// Attributes of nodes: what kind each one is, whether its operator has it, and its value as an MLIR attribute.
#include "GraphImporter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace hadron;
using namespace hadron_onnx;

char hadron::getAttributeKind(int type) {
  switch (type) {
  case AttributeProto::FLOAT:
    return 'f';
  case AttributeProto::INT:
    return 'i';
  case AttributeProto::STRING:
    return 's';
  case AttributeProto::TENSOR:
    return 't';
  case AttributeProto::GRAPH:
    return 'g';
  case AttributeProto::SPARSE_TENSOR:
    return 'p';
  case AttributeProto::TYPE_PROTO:
    return 'y';
  case AttributeProto::FLOATS:
    return 'F';
  case AttributeProto::INTS:
    return 'I';
  case AttributeProto::STRINGS:
    return 'S';
  case AttributeProto::TENSORS:
    return 'T';
  case AttributeProto::GRAPHS:
    return 'G';
  case AttributeProto::SPARSE_TENSORS:
    return 'P';
  case AttributeProto::TYPE_PROTOS:
    return 'Y';
  default:
    return 0;
  }
}

static StringRef getKindName(char kind) {
  switch (kind) {
  case 'f':
    return "FLOAT";
  case 'i':
    return "INT";
  case 's':
    return "STRING";
  case 't':
    return "TENSOR";
  case 'g':
    return "GRAPH";
  case 'p':
    return "SPARSE_TENSOR";
  case 'y':
    return "TYPE_PROTO";
  case 'F':
    return "FLOATS";
  case 'I':
    return "INTS";
  case 'S':
    return "STRINGS";
  case 'T':
    return "TENSORS";
  case 'G':
    return "GRAPHS";
  case 'P':
    return "SPARSE_TENSORS";
  case 'Y':
    return "TYPE_PROTOS";
  default:
    return "UNDEFINED";
  }
}

static SmallVector<char> getPopulatedKinds(const AttributeProto &a) {
  std::pair<char, bool> fields[] = {{'f', a.has_f()},
                                    {'i', a.has_i()},
                                    {'s', a.has_s()},
                                    {'t', a.has_t()},
                                    {'g', a.has_g()},
                                    {'p', a.has_sparse_tensor()},
                                    {'y', a.has_tp()},
                                    {'F', a.floats_size()},
                                    {'I', a.ints_size()},
                                    {'S', a.strings_size()},
                                    {'T', a.tensors_size()},
                                    {'G', a.graphs_size()},
                                    {'P', a.sparse_tensors_size()},
                                    {'Y', a.type_protos_size()}};
  SmallVector<char> kinds;
  for (auto [kind, isPopulated] : fields)
    if (isPopulated)
      kinds.push_back(kind);
  return kinds;
}

char hadron::getPopulatedKind(const AttributeProto &attribute) {
  SmallVector<char> kinds = getPopulatedKinds(attribute);
  return kinds.size() == 1 ? kinds.front() : 0;
}

FailureOr<mlir::Attribute> GraphImporter::importAttribute(const Attribute &attribute, const Node &node, Location loc) {
  std::string where = describe(node) + ": attribute '" + attribute.name() + "' ";
  if (!attribute.ref_attr_name().empty())
    return failAt(loc,
                  where + "refers to '" + attribute.ref_attr_name() + "', which is possible only inside a function");
  SmallVector<char> populated = getPopulatedKinds(attribute);
  char kind = attribute.type() == AttributeProto::UNDEFINED ? getPopulatedKind(attribute)
                                                            : hadron::getAttributeKind(attribute.type());
  if (!kind)
    return failAt(loc, where + "has no type");
  // An empty list, and a value that equals its default in old writers, leave no field.
  if (populated.size() > 1 || (populated.size() == 1 && populated.front() != kind))
    return failAt(loc, where + "says that it is " + getKindName(kind) + " but holds " +
                           getKindName(populated.front() == kind ? populated.back() : populated.front()));
  switch (kind) {
  case 'f':
    return mlir::Attribute(builder.getF32FloatAttr(attribute.f()));
  case 'i':
    return mlir::Attribute(builder.getI64IntegerAttr(attribute.i()));
  case 's':
    return mlir::Attribute(builder.getStringAttr(attribute.s()));
  case 'F':
    return mlir::Attribute(builder.getDenseF32ArrayAttr(ArrayRef(attribute.floats().data(), attribute.floats_size())));
  case 'I':
    return mlir::Attribute(builder.getDenseI64ArrayAttr(ArrayRef(attribute.ints().data(), attribute.ints_size())));
  case 'S': {
    SmallVector<StringRef> strings(attribute.strings().begin(), attribute.strings().end());
    return mlir::Attribute(builder.getStrArrayAttr(strings));
  }
  case 'g':
  case 'G':
    return mlir::Attribute(); // a region
  case 't': {
    llvm::Expected<DenseElementsAttr> dense = tensors.readDense(attribute.t());
    if (!dense)
      return failAt(loc, where + "holds a tensor that cannot be read: " + llvm::toString(dense.takeError()));
    return mlir::Attribute(*dense);
  }
  default: // kept as a word, so that whoever needs it finds out
    return mlir::Attribute(builder.getStringAttr(getKindName(kind)));
  }
}

// Counts and attributes of the operators that ONNX defines are known; other domains grow inputs and attributes between
// releases of the runtimes, which is for `raise` to judge.
LogicalResult GraphImporter::checkAgainstVersion(const Node &node, const OpVersion &version, Location loc) {
  bool isStandard = version.domain.empty();
  auto checkCount = [&](int count, int least, int most, StringRef what) -> LogicalResult {
    if (count >= least && (most < 0 || count <= most))
      return success();
    std::string range = most < 0        ? "at least " + std::to_string(least)
                        : least == most ? std::to_string(least)
                                        : std::to_string(least) + " to " + std::to_string(most);
    return failAt(loc, describe(node) + " has " + llvm::Twine(count) + " " + what + ", version " +
                           llvm::Twine(version.since) + " takes " + range);
  };
  if (failed(checkCount(node.input_size(), version.minInputs, isStandard ? version.maxInputs : -1, "inputs")) ||
      failed(checkCount(node.output_size(), version.minOutputs, isStandard ? version.maxOutputs : -1, "outputs")))
    return failure();

  llvm::StringSet<> given;
  for (const Attribute &attribute : node.attribute()) {
    given.insert(attribute.name());
    char kind = version.getAttributeKind(attribute.name());
    if (!kind && isStandard)
      return failAt(loc, describe(node) + " has the attribute '" + attribute.name() + "', which version " +
                             llvm::Twine(version.since) + " does not have" +
                             (version.attributes.empty() ? "; it has none" : "; it has " + version.attributes.str()));
    char actual = attribute.type() == AttributeProto::UNDEFINED ? getPopulatedKind(attribute)
                                                                : hadron::getAttributeKind(attribute.type());
    if (kind && actual && kind != actual)
      return failAt(loc, describe(node) + ": attribute '" + attribute.name() + "' is " + getKindName(actual) +
                             ", expected " + getKindName(kind));
  }
  for (StringRef rest = version.attributes; !rest.empty();) {
    StringRef entry;
    std::tie(entry, rest) = rest.split(' ');
    if (entry.consume_back("!") && !given.contains(entry.split(':').first))
      return failAt(loc, describe(node) + " lacks the attribute '" + entry.split(':').first + "'");
  }
  return success();
}
