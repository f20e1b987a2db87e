#include "WireWalker.h"
#include "hadron_onnx.pb.h"

#include <gtest/gtest.h>

using namespace hadron;
using namespace hadron_onnx;

namespace {

ModelProto makeModel() {
  ModelProto model;
  model.set_ir_version(10);
  TensorProto *raw = model.mutable_graph()->add_initializer();
  raw->set_name("raw");
  raw->set_raw_data(std::string(300, 'r'));
  TensorProto *floats = model.mutable_graph()->add_initializer();
  floats->set_name("floats");
  for (int i = 0; i < 100; ++i)
    floats->add_float_data(1.0f);
  NodeProto *node = model.mutable_graph()->add_node();
  node->set_op_type("If");
  GraphProto *body = node->add_attribute()->mutable_g();
  TensorProto *inner = body->add_node()->add_attribute()->mutable_t();
  inner->set_raw_data(std::string(200, 'i'));
  inner->add_int64_data(5);
  return model;
}

ModelProto parse(llvm::StringRef bytes) {
  llvm::Expected<std::string> skeleton = withoutTensorData(bytes);
  EXPECT_TRUE(static_cast<bool>(skeleton));
  ModelProto model;
  EXPECT_TRUE(model.ParseFromString(*skeleton));
  EXPECT_LT(skeleton->size(), 400u) << "no tensor's bytes are in it";
  return model;
}

TEST(WireWalker, TensorsAreReplacedByTheirPlace) {
  std::string bytes = makeModel().SerializeAsString();
  ModelProto model = parse(bytes);
  const TensorProto &raw = model.graph().initializer(0);
  EXPECT_FALSE(raw.has_raw_data());
  EXPECT_EQ(raw.name(), "raw");
  EXPECT_EQ(raw.hadron_length(), 300u);
  EXPECT_EQ(raw.hadron_field(), 9u);
  EXPECT_EQ(bytes.substr(raw.hadron_offset(), 300), std::string(300, 'r'));
  const TensorProto &floats = model.graph().initializer(1);
  EXPECT_EQ(floats.float_data_size(), 0);
  EXPECT_EQ(floats.hadron_length(), 400u);
  EXPECT_EQ(floats.hadron_field(), 4u);
  const TensorProto &inner = model.graph().node(0).attribute(0).g().node(0).attribute(0).t();
  EXPECT_EQ(bytes.substr(inner.hadron_offset(), inner.hadron_length()), std::string(200, 'i'));
  EXPECT_EQ(inner.int64_data_size(), 1);
}

// An array in two pieces is legal; it is no one piece of the file.
TEST(WireWalker, ArraysInPiecesStay) {
  TensorProto first, second;
  for (int i = 0; i < 10; ++i) {
    first.add_float_data(1.0f);
    second.add_float_data(2.0f);
  }
  ModelProto outer;
  outer.mutable_graph()->add_initializer();
  std::string tensor = first.SerializeAsString() + second.SerializeAsString();
  // ModelProto.graph (7) of GraphProto.initializer (5) of the tensor.
  std::string graph = std::string("\x2a") + static_cast<char>(tensor.size()) + tensor;
  std::string bytes = std::string("\x3a") + static_cast<char>(graph.size()) + graph;
  ModelProto model = parse(bytes);
  EXPECT_EQ(model.graph().initializer(0).float_data_size(), 20);
  EXPECT_FALSE(model.graph().initializer(0).has_hadron_offset());
}

// A file must not say where in memory its data lies.
TEST(WireWalker, OurOwnFieldsAreNotReadFromFiles) {
  ModelProto hostile;
  TensorProto *tensor = hostile.mutable_graph()->add_initializer();
  tensor->set_hadron_offset(UINT64_MAX);
  tensor->set_hadron_length(1 << 20);
  hostile.mutable_graph()->add_node()->set_hadron_opset(1);
  ModelProto model = parse(hostile.SerializeAsString());
  EXPECT_FALSE(model.graph().initializer(0).has_hadron_offset());
  EXPECT_FALSE(model.graph().node(0).has_hadron_opset());
}

TEST(WireWalker, EveryTruncationIsRefusedOrParses) {
  std::string bytes = makeModel().SerializeAsString();
  for (size_t length = 0; length < bytes.size(); ++length) {
    llvm::Expected<std::string> skeleton = withoutTensorData(llvm::StringRef(bytes).take_front(length));
    if (!skeleton) {
      llvm::consumeError(skeleton.takeError());
      continue;
    }
    ModelProto model;
    EXPECT_TRUE(model.ParseFromString(*skeleton)) << length;
  }
}

} // namespace
