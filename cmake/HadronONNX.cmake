# ONNX's messages, generated here: onnx-ml.proto of one pinned wheel, its package renamed so that no second copy of ONNX in
# the process can clash with it, compiled by the system's protoc for the lite runtime. Nothing but the importer links it.
#
# TensorProto gets three fields of our own: where in the file the bytes lie that WireWalker.cpp left out of the message.
# NodeProto gets one: the opset of a node that came out of a local function, which may differ from the model's.

set(HADRON_CACHE_DIR "${CMAKE_SOURCE_DIR}/build/cache" CACHE PATH "downloads that a clean build need not repeat")
set(HADRON_ONNX_WHEEL "onnx-1.22.0-cp312-abi3-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl")
set(HADRON_ONNX_SHA256 955e02e1f6d385b53d52f9cd7b9cdf5caf417c300bcfe3c64c6d542be763845b)

find_program(HADRON_PROTOC protoc REQUIRED)
find_library(HADRON_PROTOBUF_LITE NAMES libprotobuf-lite.a REQUIRED)
find_package(Threads REQUIRED)

if(NOT EXISTS "${HADRON_CACHE_DIR}/${HADRON_ONNX_WHEEL}")
  # That of scripts/install.sh first: Debian's own has no pip.
  find_program(HADRON_PYTHON3 python3 HINTS "${CMAKE_SOURCE_DIR}/build/venv/bin" REQUIRED)
  message(STATUS "Downloading ${HADRON_ONNX_WHEEL}")
  execute_process(
    COMMAND "${HADRON_PYTHON3}" -m pip download --quiet --no-deps --only-binary=:all: --platform manylinux_2_28_x86_64
            --implementation cp --python-version 3.12 --abi abi3 --abi cp312 -d "${HADRON_CACHE_DIR}" onnx==1.22.0
    RESULT_VARIABLE failed ERROR_VARIABLE output)
  if(failed)
    message(FATAL_ERROR "The onnx wheel, which holds onnx-ml.proto, cannot be downloaded. Put ${HADRON_ONNX_WHEEL} into "
                        "${HADRON_CACHE_DIR}.\n${output}")
  endif()
endif()
file(SHA256 "${HADRON_CACHE_DIR}/${HADRON_ONNX_WHEEL}" hash)
if(NOT hash STREQUAL HADRON_ONNX_SHA256)
  message(FATAL_ERROR "${HADRON_CACHE_DIR}/${HADRON_ONNX_WHEEL} has SHA-256 ${hash}, expected ${HADRON_ONNX_SHA256}. Delete it and configure again.")
endif()

set(HADRON_ONNX_GENERATED "${CMAKE_BINARY_DIR}/onnx-proto")
file(ARCHIVE_EXTRACT INPUT "${HADRON_CACHE_DIR}/${HADRON_ONNX_WHEEL}" DESTINATION "${HADRON_ONNX_GENERATED}/wheel"
     PATTERNS "onnx/onnx-ml.proto")
file(READ "${HADRON_ONNX_GENERATED}/wheel/onnx/onnx-ml.proto" proto)
string(REPLACE "\npackage onnx;" "\npackage hadron_onnx;" proto "${proto}")
string(REPLACE "optional bytes raw_data = 9;" "optional bytes raw_data = 9;
  optional uint64 hadron_offset = 100001;
  optional uint64 hadron_length = 100002;
  optional uint32 hadron_field = 100003;" proto "${proto}")
string(REPLACE "optional string overload = 8;" "optional string overload = 8;
  optional int64 hadron_opset = 100001;" proto "${proto}")
if(NOT proto MATCHES "package hadron_onnx;" OR NOT proto MATCHES "hadron_offset" OR NOT proto MATCHES "hadron_opset")
  message(FATAL_ERROR "onnx-ml.proto does not look as expected; cmake/HadronONNX.cmake has to be adapted.")
endif()
file(CONFIGURE OUTPUT "${HADRON_ONNX_GENERATED}/hadron_onnx.proto" CONTENT "${proto}" @ONLY)

add_custom_command(
  OUTPUT "${HADRON_ONNX_GENERATED}/hadron_onnx.pb.cc" "${HADRON_ONNX_GENERATED}/hadron_onnx.pb.h"
  COMMAND "${HADRON_PROTOC}" --cpp_out=. -I. hadron_onnx.proto
  WORKING_DIRECTORY "${HADRON_ONNX_GENERATED}"
  DEPENDS "${HADRON_ONNX_GENERATED}/hadron_onnx.proto")
add_library(HadronONNXProto STATIC "${HADRON_ONNX_GENERATED}/hadron_onnx.pb.cc" "${HADRON_ONNX_GENERATED}/hadron_onnx.pb.h")
target_include_directories(HadronONNXProto SYSTEM PUBLIC "${HADRON_ONNX_GENERATED}")
target_link_libraries(HadronONNXProto PUBLIC "${HADRON_PROTOBUF_LITE}" Threads::Threads)
set_target_properties(HadronONNXProto PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
