# How the libraries are declared: static ones, in one export set, with the same names inside of this project, in one that
# takes it in, and in one that finds it installed.
include(GNUInstallDirs)

# Headers are included by the path they have where they are installed: "murmur/engine/tensor.hpp".
set(MURMUR_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${MURMUR_INCLUDE_DIR}/murmur)
foreach(name engine techniques kernels layers preview data pso distributed murmur.hpp)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${name} ${MURMUR_INCLUDE_DIR}/murmur/${name} SYMBOLIC)
endforeach()

# murmur_instrument(TARGET): its code counts where it has been, for the fuzzer, where MURMUR_FUZZ asks for it.
function(murmur_instrument target)
  if(MURMUR_FUZZ)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link>)
  endif()
endfunction()

# murmur_library(NAME SOURCE...): the target murmur_NAME, which all users call murmur::NAME.
function(murmur_library name)
  add_library(murmur_${name} STATIC ${ARGN})
  add_library(murmur::${name} ALIAS murmur_${name})
  set_target_properties(murmur_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(murmur_${name} PUBLIC cxx_std_20)
  target_include_directories(murmur_${name} PUBLIC $<BUILD_INTERFACE:${MURMUR_INCLUDE_DIR}>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(murmur_${name} PRIVATE $<BUILD_INTERFACE:murmur_warnings>)
  # Kernels read no files, and computing would be slower.
  if(NOT name STREQUAL "kernels")
    murmur_instrument(murmur_${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY MURMUR_LIBRARIES murmur_${name})
endfunction()

# The target murmur::murmur: all of the libraries. (The program has taken the name without colons.)
function(murmur_whole_library)
  get_property(libraries GLOBAL PROPERTY MURMUR_LIBRARIES)
  add_library(murmur_murmur INTERFACE)
  add_library(murmur::murmur ALIAS murmur_murmur)
  set_target_properties(murmur_murmur PROPERTIES EXPORT_NAME murmur)
  target_link_libraries(murmur_murmur INTERFACE ${libraries})
endfunction()
