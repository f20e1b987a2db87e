# Pages about dialects and passes, generated from their definitions: build/<preset>/docs (target hadron-docs).
add_custom_target(hadron-docs ALL)

# hadron_add_doc(PAGE td-file mlir-tblgen-option…)
function(hadron_add_doc page td)
  set(output "${CMAKE_BINARY_DIR}/docs/${page}.md")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/docs"
    COMMAND "${MLIR_TABLEGEN_EXE}" ${ARGN} -I "${CMAKE_SOURCE_DIR}/dialects" -I "${CMAKE_SOURCE_DIR}/include"
            -I "${MLIR_INCLUDE_DIRS}" -d "${output}.d" -o "${output}" "${td}"
    DEPENDS "${td}" DEPFILE "${output}.d"
    COMMENT "Writing docs/${page}.md")
  add_custom_target(hadron-doc-${page} DEPENDS "${output}")
  add_dependencies(hadron-docs hadron-doc-${page})
endfunction()

hadron_add_doc(hadron "${CMAKE_SOURCE_DIR}/dialects/Hadron/IR/HadronOps.td" -gen-dialect-doc -dialect=hadron -I "${CMAKE_SOURCE_DIR}/dialects/Hadron/IR")
hadron_add_doc(onnx "${CMAKE_SOURCE_DIR}/dialects/ONNX/IR/ONNXOps.td" -gen-dialect-doc -dialect=onnx)
hadron_add_doc(passes "${CMAKE_SOURCE_DIR}/include/hadron/Transforms/Passes.td" -gen-pass-doc)
