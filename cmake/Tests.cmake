# murmur_add_tests(PROGRAM NUM_SHARDS [NAME=VALUE]...): runs the tests of a GoogleTest program as NUM_SHARDS processes, each
# with every NUM_SHARDS-th test and a report of its own, reports/PROGRAM_I.xml; NAME=VALUE are of their environment. A process
# for each test would take 0.4 s to start where the program is linked to CUDA's libraries. GTEST_FILTER chooses tests.
function(murmur_add_tests program num_shards)
  math(EXPR last "${num_shards} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${program}_${shard}
             COMMAND ${program} --gtest_output=xml:${CMAKE_BINARY_DIR}/reports/${program}_${shard}.xml)
    set_tests_properties(${program}_${shard} PROPERTIES TIMEOUT 3000 ENVIRONMENT
      "GTEST_TOTAL_SHARDS=${num_shards};GTEST_SHARD_INDEX=${shard};GTEST_BRIEF=1;GTEST_COLOR=no;${ARGN}")
  endforeach()
endfunction()
