# cmake --build build/cpu --target docs: the pages of the public headers in build/docs; what is not documented as it should
# be is an error.
find_package(Doxygen 1.9 QUIET)
if(NOT Doxygen_FOUND)
  message(STATUS "docs: off (Doxygen not found)")
  return()
endif()
set(DOXYGEN_PROJECT_BRIEF ${PROJECT_DESCRIPTION})
set(DOXYGEN_OUTPUT_DIRECTORY ${PROJECT_SOURCE_DIR}/build/docs)
set(DOXYGEN_STRIP_FROM_PATH ${PROJECT_SOURCE_DIR})
set(DOXYGEN_STRIP_FROM_INC_PATH ${MURMUR_INCLUDE_DIR})
set(DOXYGEN_FILE_PATTERNS *.hpp)
# As cmake/Install.cmake: what is not installed is not public.
set(DOXYGEN_EXCLUDE_PATTERNS */cpu/* */cuda/* */emulated/* */network/* */mat_input.hpp *_impl.hpp */study_file.hpp */kernels/parallel*.hpp
                             */kernels/lanes_*.hpp */kernels/images.hpp)
set(DOXYGEN_MACRO_EXPANSION YES)
set(DOXYGEN_EXPAND_ONLY_PREDEF YES)
set(DOXYGEN_PREDEFINED MURMUR_HD=)
set(DOXYGEN_EXTRACT_ALL YES)
set(DOXYGEN_JAVADOC_AUTOBRIEF YES)
set(DOXYGEN_MARKDOWN_SUPPORT YES)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
doxygen_add_docs(docs ${PROJECT_SOURCE_DIR}/murmur.hpp ${PROJECT_SOURCE_DIR}/engine ${PROJECT_SOURCE_DIR}/techniques
                 ${PROJECT_SOURCE_DIR}/kernels ${PROJECT_SOURCE_DIR}/layers ${PROJECT_SOURCE_DIR}/preview ${PROJECT_SOURCE_DIR}/data ${PROJECT_SOURCE_DIR}/pso ${PROJECT_SOURCE_DIR}/distributed
                 COMMENT "Pages of the public headers in build/docs/html")
