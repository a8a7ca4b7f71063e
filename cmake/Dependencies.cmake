# Of the libraries: murmurConfig.cmake.in finds the same again.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(dnnl REQUIRED CONFIG)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(Boost REQUIRED)  # headers; the installed library does without
find_package(Eigen3 REQUIRED)  # likewise
if(NOT MURMUR_MPI STREQUAL "OFF")
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
endif()
set(MURMUR_HAS_MPI ${MPI_CXX_FOUND})
if(MURMUR_MPI STREQUAL "ON" AND NOT MURMUR_HAS_MPI)
  message(FATAL_ERROR "MURMUR_MPI=ON: expected an MPI library (libopenmpi-dev), found none")
endif()
# Of the programs.
if(MURMUR_APP OR MURMUR_BENCH)
  find_package(CLI11 REQUIRED)
endif()
if(MURMUR_APP)
  find_package(tomlplusplus REQUIRED)
endif()

# stb comes without CMake files: headers only, each with its implementation behind a macro.
find_path(MURMUR_STB_INCLUDE stb_image.h PATH_SUFFIXES stb REQUIRED DOC "Folder of stb_image.h (package libstb-dev)")
add_library(murmur_stb INTERFACE)
target_include_directories(murmur_stb SYSTEM INTERFACE ${MURMUR_STB_INCLUDE})
