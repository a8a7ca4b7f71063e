set(MURMUR_CUDA AUTO CACHE STRING "Build the CUDA target: AUTO (when a toolkit is found), ON or OFF")
set_property(CACHE MURMUR_CUDA PROPERTY STRINGS AUTO ON OFF)
set(MURMUR_MARCH native CACHE STRING "Value of -march for the CPU target: native, x86-64-v3, ... or empty for the compiler's default")
set(MURMUR_SANITIZE "" CACHE STRING "Sanitizers of the CPU build, e.g. address,undefined")
option(MURMUR_EMULATE_GPU "Run the kernels' CUDA code on the CPU, blocks of threads as fibers: slow, for tests" OFF)
option(MURMUR_TESTS "Build the tests" ON)
option(MURMUR_BENCH "Build the benchmarks" ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Assertions stay on in every build type: they guard indices, not inner loops.
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
string(REPLACE "-O2" "-O3" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")

if(MURMUR_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MURMUR_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>)
  add_link_options(-fsanitize=${MURMUR_SANITIZE})
endif()
