# The libraries with what find_package(murmur) needs, the public headers.
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY MURMUR_LIBRARIES)
install(TARGETS ${libraries} murmur_murmur EXPORT murmurTargets)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/murmur)
install(EXPORT murmurTargets NAMESPACE murmur:: DESTINATION ${config_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/murmurConfig.cmake.in ${PROJECT_BINARY_DIR}/murmurConfig.cmake
                              INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/murmurConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/murmurConfig.cmake ${PROJECT_BINARY_DIR}/murmurConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/CudaToolkit.cmake
        DESTINATION ${config_dir})

# What knows oneDNN, CUDA, SQLite or libcurl, or a kernel's target, stays private.
install(DIRECTORY engine techniques kernels layers preview data pso distributed DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/murmur
        FILES_MATCHING PATTERN "*.hpp"
        PATTERN cpu EXCLUDE PATTERN cuda EXCLUDE PATTERN emulated EXCLUDE PATTERN network EXCLUDE PATTERN "*_impl.hpp" EXCLUDE
        PATTERN study_file.hpp EXCLUDE PATTERN mat_input.hpp EXCLUDE PATTERN "cma_*.hpp" EXCLUDE PATTERN "parallel*.hpp" EXCLUDE PATTERN "lanes_*.hpp" EXCLUDE
        PATTERN images.hpp EXCLUDE PATTERN input_rows.hpp EXCLUDE)
install(FILES murmur.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/murmur)
