# Included by tests/trainer/CMakeLists.txt: the metrics' own tests.
ringtrain_add_test(metrics_test FOLDER trainer LIBRARIES ringtrain::metrics nlohmann_json::nlohmann_json
  SOURCES metrics_classification_test.cpp metrics_exact_sum_test.cpp metrics_ranks_test.cpp metrics_regression_test.cpp
          metrics_report_test.cpp metrics_threshold_test.cpp metrics_adwin_test.cpp)

# Prints the metrics of rows on its standard input, for the comparison with scikit-learn.
add_executable(metrics_of_csv metrics_of_csv.cpp)
target_link_libraries(metrics_of_csv PRIVATE ringtrain::metrics nlohmann_json::nlohmann_json ringtrain_test_settings)
set_target_properties(metrics_of_csv PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
if(RINGTRAIN_PEERS_PYTHON)
  ringtrain_add_script_test(metrics_against_scikit_learn FOLDER trainer
    COMMAND "${RINGTRAIN_PEERS_PYTHON}" "${CMAKE_CURRENT_LIST_DIR}/metrics_against_scikit_learn.py" $<TARGET_FILE:metrics_of_csv>)
endif()
