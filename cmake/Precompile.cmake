# murmur_precompile(TARGET HEADER...): the compiler reads these headers once for all files of a target; half of a build's time
# went into reading them again and again. A file includes what it uses all the same: a project that takes this one in has no
# such headers, and with CMAKE_DISABLE_PRECOMPILE_HEADERS=ON nobody has.
# murmur_precompile_as(TARGET OTHER): the headers of another target, compiled with the same options.
function(murmur_precompile target)
  if(PROJECT_IS_TOP_LEVEL)
    list(TRANSFORM ARGN REPLACE "(.+)" "<\\1>")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

function(murmur_precompile_as target other)
  if(PROJECT_IS_TOP_LEVEL)
    target_precompile_headers(${target} REUSE_FROM ${other})
  endif()
endfunction()
