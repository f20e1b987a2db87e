# Tests: the site file of lit, and the list of unit test programs that scripts/run_tests.py runs.

# hadron_configure_lit(): writes lit.site.cfg.py into the build; lit is then run on <build>/test.
function(hadron_configure_lit)
  set(HADRON_PYTHON "${CMAKE_SOURCE_DIR}/build/venv/bin/python")
  configure_file("${CMAKE_SOURCE_DIR}/test/lit.site.cfg.py.in" "${CMAKE_BINARY_DIR}/test/lit.site.cfg.py" @ONLY)
  find_program(HADRON_LIT NAMES lit-22 lit HINTS "${HADRON_LLVM_PREFIX}/bin" REQUIRED)
  add_custom_target(check-lit COMMAND "${HADRON_LIT}" -sv "${CMAKE_BINARY_DIR}/test" USES_TERMINAL
                    DEPENDS hadron-opt hadron-lsp-server hadron-reduce)
endfunction()

# Programs of `folder` and below whose place is bin/unit, into the variable `result`.
function(hadron_collect_unit_tests folder result)
  get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
  set(found)
  foreach(target ${targets})
    get_target_property(place ${target} RUNTIME_OUTPUT_DIRECTORY)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE" AND place STREQUAL "${CMAKE_BINARY_DIR}/bin/unit")
      list(APPEND found ${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY "${folder}" PROPERTY SUBDIRECTORIES)
  foreach(below ${folders})
    hadron_collect_unit_tests("${below}" more)
    list(APPEND found ${more})
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# hadron_list_unit_tests(FOLDER): their names into <build>/unit-tests.txt; after the folder's add_subdirectory.
function(hadron_list_unit_tests folder)
  hadron_collect_unit_tests("${folder}" programs)
  list(JOIN programs "\n" text)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/unit-tests.txt" CONTENT "${text}\n" @ONLY)
endfunction()
