# One interface target carries the warnings; every target of the project links it, no dependency sees it.
add_library(murmur_warnings INTERFACE)
target_compile_options(
  murmur_warnings
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-sign-conversion;-Wnon-virtual-dtor;-Wold-style-cast;-Wcast-align;-Woverloaded-virtual;-Wnull-dereference;-Werror>
            $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra;--Werror=all-warnings;-Wno-deprecated-gpu-targets>)
# g++ 12 reports null dereferences and overflows inside of fmt and its own library headers, depending on the inlining.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(murmur_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-null-dereference;-Wno-stringop-overflow>)
endif()
# clang++ reports every `omp simd` loop that it did not vectorise; it gives the same results.
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  target_compile_options(murmur_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-pass-failed>)
endif()
