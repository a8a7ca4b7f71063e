set(MURMUR_CUDA AUTO CACHE STRING "Build the CUDA target: AUTO (when a toolkit is found), ON or OFF")
set_property(CACHE MURMUR_CUDA PROPERTY STRINGS AUTO ON OFF)
set(MURMUR_MPI AUTO CACHE STRING "Train in the processes of an mpirun: AUTO (when MPI is found), ON or OFF")
set_property(CACHE MURMUR_MPI PROPERTY STRINGS AUTO ON OFF)
set(MURMUR_DOWNLOAD AUTO CACHE STRING "Download data sets: AUTO (when libcurl, libarchive and OpenSSL are found), ON or OFF")
set_property(CACHE MURMUR_DOWNLOAD PROPERTY STRINGS AUTO ON OFF)
set(MURMUR_MARCH native CACHE STRING "Value of -march for the CPU target: native, x86-64-v3, ... or empty for the compiler's default")
set(MURMUR_SANITIZE "" CACHE STRING "Sanitizers of the CPU build, e.g. address,undefined")
option(MURMUR_FUZZ "Build the fuzz targets (clang++'s libFuzzer), and what they call so that they see which code an input reaches" OFF)
option(MURMUR_EMULATE_GPU "Run the kernels' CUDA code on the CPU, blocks of threads as fibers: slow, for tests" OFF)
option(MURMUR_UNITY "Compile several files of a library as one: the whole in a third of the time, one file alone in twice of it" ON)
# What a project that takes this one in (add_subdirectory, FetchContent) seldom wants.
option(MURMUR_APP "Build the command line" ${PROJECT_IS_TOP_LEVEL})
option(MURMUR_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(MURMUR_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(MURMUR_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(MURMUR_INSTALL "Install the library, its headers and, with MURMUR_APP, the program" ${PROJECT_IS_TOP_LEVEL})
option(MURMUR_DOCS "Add the target docs: the pages of the public headers, by Doxygen" ${PROJECT_IS_TOP_LEVEL})

get_property(is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT is_multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
# From here on: of this folder and those below it, whoever includes it.
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
  # The tests start the program hundreds of times, and each start would take a third longer with all its addresses to move.
  add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
  # The tables of debugging and the checks' own make programs so large that the default linker takes five times as long.
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=lld MURMUR_HAS_LLD)
  if(MURMUR_HAS_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
endif()
if(MURMUR_FUZZ AND NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  message(FATAL_ERROR "MURMUR_FUZZ=ON: expected clang++, got ${CMAKE_CXX_COMPILER_ID}")
endif()
