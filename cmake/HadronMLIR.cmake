# The one place that says how code is compiled and what it links.
#
# Link policy: the shared libMLIR.so and libLLVM.so of Debian's packages, and nothing of their component archives: mixing
# the two puts a second copy of MLIR into the process. lld's ELF driver is the only static part of LLVM.

set(HADRON_LLVM_PREFIX "/usr/lib/llvm-22" CACHE PATH "prefix of the LLVM/MLIR 22 packages")
list(PREPEND CMAKE_PREFIX_PATH "${HADRON_LLVM_PREFIX}/lib/cmake")
find_package(MLIR REQUIRED CONFIG PATHS "${HADRON_LLVM_PREFIX}/lib/cmake/mlir" NO_DEFAULT_PATH)
if(NOT LLVM_PACKAGE_VERSION VERSION_GREATER_EQUAL 22 OR LLVM_PACKAGE_VERSION VERSION_GREATER_EQUAL 23)
  message(FATAL_ERROR "Hadron is built on LLVM/MLIR 22; ${MLIR_DIR} is ${LLVM_PACKAGE_VERSION}")
endif()
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

option(HADRON_SANITIZE "address and undefined behaviour sanitizers" OFF)

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_BUILD_RPATH "${HADRON_LLVM_PREFIX}/lib")
set(CMAKE_INSTALL_RPATH "${HADRON_LLVM_PREFIX}/lib")

find_program(HADRON_CCACHE ccache)
if(HADRON_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${HADRON_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${HADRON_CCACHE}")
endif()
find_program(HADRON_LLD ld.lld HINTS "${HADRON_LLVM_PREFIX}/bin")
if(HADRON_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# What every target of ours is compiled with.
add_library(hadron_flags INTERFACE)
target_compile_options(hadron_flags INTERFACE -Wall -Wextra -Wno-unused-parameter -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<CXX_COMPILER_ID:Clang>:-Xclang -fno-pch-timestamp>)
target_include_directories(hadron_flags INTERFACE
  "${CMAKE_SOURCE_DIR}/include" "${CMAKE_BINARY_DIR}/include"
  "${CMAKE_SOURCE_DIR}/dialects" "${CMAKE_BINARY_DIR}/dialects")
target_include_directories(hadron_flags SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(HADRON_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})
# NDEBUG in every preset: LLVM's headers lay classes out by it (Pass::Statistic), and the packages are built with it.
target_compile_definitions(hadron_flags INTERFACE ${HADRON_LLVM_DEFINITIONS} NDEBUG)
if(HADRON_SANITIZE)
  target_compile_options(hadron_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# MLIR's headers cost 7 s a file; compiled once they cost 1.
add_library(hadron_pch OBJECT "${CMAKE_SOURCE_DIR}/cmake/pch.cpp")
target_link_libraries(hadron_pch PRIVATE hadron_flags)
target_precompile_headers(hadron_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/pch.h")

# hadron_add_library(NAME source… [DEPENDS target…] [LINK target…] [NO_PCH]): one static library; DEPENDS are generated headers.
function(hadron_add_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC hadron_flags ${ARG_LINK})
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM hadron_pch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# hadron_add_tool(NAME source… LINK target…): a program in bin/ over the shared MLIR.
function(hadron_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  # As the precompiled header was: -fPIC, not -fPIE.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM hadron_pch)
endfunction()
