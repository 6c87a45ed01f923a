# A test's own source runs once and briefly: not optimised it compiles in three fifths of the time. That needs a precompiled
# header of its own, which has GoogleTest and JSON too. What it tests, the libraries, is compiled as it is for users.
add_library(ringtrain_test_settings INTERFACE)
target_link_libraries(ringtrain_test_settings INTERFACE LibTorch::cpu GTest::gtest nlohmann_json::nlohmann_json ringtrain_settings)
if(NOT RINGTRAIN_SANITIZE)
  target_compile_options(ringtrain_test_settings INTERFACE $<$<CONFIG:Release>:-O0>)
endif()
add_library(ringtrain_test_pch OBJECT "${PROJECT_BINARY_DIR}/pch/empty.cpp")
target_link_libraries(ringtrain_test_pch PRIVATE ringtrain_test_settings)
target_compile_features(ringtrain_test_pch PUBLIC cxx_std_20)
target_precompile_headers(ringtrain_test_pch PRIVATE ${RINGTRAIN_PRECOMPILED} <gtest/gtest.h> <nlohmann/json.hpp>)

# What sanitizers are told, and what they shall keep silent about (tests/sanitizers/): the libraries are not instrumented.
if(RINGTRAIN_SANITIZE)
  set(RINGTRAIN_TEST_ENVIRONMENT
      "OMP_NUM_THREADS=1"
      "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"
      "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers/races.txt:halt_on_error=1:print_suppressions=0")
  # MPI loses memory in modules that it has unloaded by the time leaks are looked for: only programs without it are asked.
  set(RINGTRAIN_TEST_LEAKS "ASAN_OPTIONS=detect_leaks=1")
  set(RINGTRAIN_TEST_NO_LEAKS "ASAN_OPTIONS=detect_leaks=0")
endif()

# Sanitized programs are several times as slow.
function(ringtrain_scale_timeout variable)
  if(RINGTRAIN_SANITIZE)
    math(EXPR ${variable} "10 * ${${variable}}")
  endif()
  set(${variable} ${${variable}} PARENT_SCOPE)
endfunction()

# ringtrain_add_test(NAME FOLDER folder SOURCES file... [LIBRARIES target...] [TIMEOUT seconds])
# A GoogleTest program of one process, labelled with its folder.
function(ringtrain_add_test name)
  cmake_parse_arguments(ARG "" "FOLDER;TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 240)
  endif()
  ringtrain_scale_timeout(ARG_TIMEOUT)
  ringtrain_test_program(${name} "${ARG_SOURCES}" "${ARG_LIBRARIES};GTest::gtest_main")
  # One process for all of a program's tests: loading LibTorch takes longer than most of them.
  add_test(NAME ${ARG_FOLDER}.${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${ARG_FOLDER}.${name} PROPERTIES LABELS "${ARG_FOLDER}" TIMEOUT ${ARG_TIMEOUT})
  set_property(TEST ${ARG_FOLDER}.${name} APPEND PROPERTY ENVIRONMENT ${RINGTRAIN_TEST_ENVIRONMENT} ${RINGTRAIN_TEST_LEAKS})
endfunction()

# ringtrain_add_rank_test(NAME FOLDER folder RANKS n... SOURCES file... [LIBRARIES target...] [TIMEOUT seconds])
# A GoogleTest program that runs whole under mpirun, once for each number of ranks; labelled with its folder and "ranks". Its main
# comes from tests/rank_test_main.cpp: all ranks run the same tests, and a world of another size than asked for fails.
function(ringtrain_add_rank_test name)
  cmake_parse_arguments(ARG "" "FOLDER;TIMEOUT" "RANKS;SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 240)
  endif()
  ringtrain_scale_timeout(ARG_TIMEOUT)
  ringtrain_test_program(${name} "${ARG_SOURCES};${PROJECT_SOURCE_DIR}/tests/rank_test_main.cpp"
                         "${ARG_LIBRARIES};ringtrain::comm;GTest::gtest")
  foreach(ranks IN LISTS ARG_RANKS)
    add_test(NAME ${ARG_FOLDER}.${name}.${ranks}_ranks
             COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np ${ranks} $<TARGET_FILE:${name}>)
    set_tests_properties(${ARG_FOLDER}.${name}.${ranks}_ranks PROPERTIES LABELS "${ARG_FOLDER};ranks" TIMEOUT ${ARG_TIMEOUT}
      ENVIRONMENT "RINGTRAIN_TEST_RANKS=${ranks};OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
    set_property(TEST ${ARG_FOLDER}.${name}.${ranks}_ranks APPEND PROPERTY ENVIRONMENT
                 ${RINGTRAIN_TEST_ENVIRONMENT} ${RINGTRAIN_TEST_NO_LEAKS})
    if(ranks GREATER 1)  # ranks that wait take their core: beside another test both would crawl
      set_tests_properties(${ARG_FOLDER}.${name}.${ranks}_ranks PROPERTIES PROCESSORS 2)
    endif()
  endforeach()
endfunction()

# A test that is a script (bash or Python): ringtrain_add_script_test(NAME FOLDER folder COMMAND ... [RANKS] [TIMEOUT seconds])
# RANKS labels it "ranks": it starts several processes. RINGTRAIN names the command, PEERS_PYTHON the peers' Python.
function(ringtrain_add_script_test name)
  cmake_parse_arguments(ARG "RANKS" "FOLDER;TIMEOUT" "COMMAND" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 240)
  endif()
  ringtrain_scale_timeout(ARG_TIMEOUT)
  set(labels "${ARG_FOLDER}")
  if(ARG_RANKS)
    list(APPEND labels ranks)
  endif()
  add_test(NAME ${ARG_FOLDER}.${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(${ARG_FOLDER}.${name} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "RINGTRAIN=$<$<TARGET_EXISTS:ringtrain>:$<TARGET_FILE:ringtrain>>;PEERS_PYTHON=${RINGTRAIN_PEERS_PYTHON};RINGTRAIN_SOURCE=${PROJECT_SOURCE_DIR};RINGTRAIN_BUILD=${PROJECT_BINARY_DIR};OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
  set_property(TEST ${ARG_FOLDER}.${name} APPEND PROPERTY ENVIRONMENT ${RINGTRAIN_TEST_ENVIRONMENT} ${RINGTRAIN_TEST_NO_LEAKS})
endfunction()

function(ringtrain_test_program name sources libraries)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${libraries} ringtrain_test_settings)
  target_compile_definitions(${name} PRIVATE RINGTRAIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_precompile_headers(${name} REUSE_FROM ringtrain_test_pch)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
endfunction()
