# Finds the CUDA toolkit by itself: CUDA_HOME / CUDA_PATH, nvcc on the PATH, or the usual place. A pip-style layout
# (libraries in lib/ instead of lib64/) works too. Makes the targets murmur::cuda_toolkit and, where cuDNN is found as well,
# murmur::cudnn. Used by the build and by murmurConfig.cmake.
find_program(MURMUR_NVCC nvcc HINTS $ENV{CUDACXX} $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
if(NOT MURMUR_NVCC)
  return()
endif()
get_filename_component(MURMUR_CUDA_ROOT ${MURMUR_NVCC} DIRECTORY)
get_filename_component(MURMUR_CUDA_ROOT ${MURMUR_CUDA_ROOT} DIRECTORY)
foreach(library cudart cublas cudnn)
  string(TOUPPER ${library} name)
  find_library(MURMUR_${name}_LIBRARY ${library} HINTS ${MURMUR_CUDA_ROOT} PATH_SUFFIXES lib64 lib targets/x86_64-linux/lib)
endforeach()
find_path(MURMUR_CUDA_INCLUDE cublas_v2.h HINTS ${MURMUR_CUDA_ROOT}/include ${MURMUR_CUDA_ROOT}/targets/x86_64-linux/include)
# cuDNN 9 and later: the graph API has a header of its own.
find_path(MURMUR_CUDNN_INCLUDE cudnn_graph.h HINTS ${MURMUR_CUDA_INCLUDE})

# murmur_import(TARGET INCLUDE LIBRARY...): imported, so that the export set names it and murmurConfig.cmake finds it again.
# The program finds the libraries in their folders. It is linked with the runtime alone: the others are loaded when they are
# first called (engine/cuda/cublas_loaded.cpp).
function(murmur_import target include)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE ${include})
  foreach(library ${ARGN})
    get_filename_component(folder ${library} DIRECTORY)
    target_link_options(${target} INTERFACE -Wl,-rpath,${folder})
  endforeach()
endfunction()

if(MURMUR_CUDART_LIBRARY AND MURMUR_CUBLAS_LIBRARY AND MURMUR_CUDA_INCLUDE AND NOT TARGET murmur::cuda_toolkit)
  murmur_import(murmur::cuda_toolkit ${MURMUR_CUDA_INCLUDE} ${MURMUR_CUDART_LIBRARY} ${MURMUR_CUBLAS_LIBRARY})
  target_link_libraries(murmur::cuda_toolkit INTERFACE ${MURMUR_CUDART_LIBRARY} ${CMAKE_DL_LIBS})
  if(MURMUR_CUDNN_LIBRARY AND MURMUR_CUDNN_INCLUDE)
    murmur_import(murmur::cudnn ${MURMUR_CUDNN_INCLUDE} ${MURMUR_CUDNN_LIBRARY})
  endif()
endif()
