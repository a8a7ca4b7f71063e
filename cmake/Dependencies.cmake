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
