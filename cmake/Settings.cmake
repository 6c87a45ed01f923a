# Compiler settings for all of ringtrain, and the one function that makes a folder's library.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# The heavy work is done inside LibTorch's own kernels: compile time counts for more here than what -O3 could add.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # A precompiled header is cached only when its macros and time stamps are not part of the key. Its 500 MB are hashed once
  # (inode cache), and what the compiler lists as read is the key (depend mode): no second run of the preprocessor.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;CCACHE_DEPEND=1;CCACHE_INODECACHE=1;${CCACHE}")
endif()

# Everything is -fPIC (not -fPIE for programs), so that one precompiled header serves all targets.
add_library(ringtrain_settings INTERFACE)
target_compile_options(ringtrain_settings INTERFACE -fPIC -Wall -Wextra)
if(CMAKE_UNITY_BUILD)
  # GCC takes the sources of a unit for headers, in which a class with a member of an unnamed namespace would be a mistake. And no lines for
  # a debugger: they are nine tenths of a program and a tenth of the time to compile, and a unity build is made to be run.
  target_compile_options(ringtrain_settings INTERFACE -Wno-subobject-linkage)
else()
  target_compile_options(ringtrain_settings INTERFACE $<$<CONFIG:Release>:-g1>)
endif()
# A program of ours carries 130 MB of symbols for a debugger: GNU's linker takes 4 s for one, mold and lld half a second.
set(RINGTRAIN_LINKER "auto" CACHE STRING "Linker of ringtrain's programs: auto (mold or lld where the compiler finds one), default, or a name")
if(RINGTRAIN_LINKER STREQUAL "auto" AND NOT RINGTRAIN_SANITIZE)
  include(CheckLinkerFlag)
  foreach(_linker mold lld)
    check_linker_flag(CXX -fuse-ld=${_linker} RINGTRAIN_HAS_${_linker})
    if(RINGTRAIN_HAS_${_linker})
      target_link_options(ringtrain_settings INTERFACE -fuse-ld=${_linker})
      break()
    endif()
  endforeach()
elseif(NOT RINGTRAIN_LINKER MATCHES "^(auto|default)$")
  target_link_options(ringtrain_settings INTERFACE -fuse-ld=${RINGTRAIN_LINKER})
endif()
if(RINGTRAIN_WARNINGS_AS_ERRORS)
  target_compile_options(ringtrain_settings INTERFACE -Werror)
endif()
if(RINGTRAIN_SANITIZE)
  # Lines are enough in a report, and -O1 takes half the time to compile. With NDEBUG, as LibTorch was built: what its headers check
  # without it needs type information that its libraries do not show.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG")
  target_compile_options(ringtrain_settings INTERFACE -fsanitize=${RINGTRAIN_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(ringtrain_settings INTERFACE -fsanitize=${RINGTRAIN_SANITIZE})
  if(RINGTRAIN_SANITIZE MATCHES thread)  # of fences that ThreadSanitizer does not follow: Asio has some
    target_compile_options(ringtrain_settings INTERFACE -Wno-tsan)
  endif()
endif()

# ringtrain_vectorise(file...): loops over plain memory, for which -O3 does pay. Not with sanitizers: GCC 12 breaks down in its
# -fipa-cp, which -O3 turns on. Nor in a Debug build: without optimisation it has another precompiled header.
function(ringtrain_vectorise)
  if(NOT RINGTRAIN_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O3)
  endif()
endfunction()

# ringtrain_add_library(NAME [TORCH] [PART library] SOURCES file... [DEPENDS target...] [PRIVATE_DEPENDS target...])
# Compiles a folder, the objects ringtrain_NAME, as a part of `library` (Library.cmake): ringtrain_library, or
# ringtrain_launch_library. TORCH: its sources include LibTorch and share the precompiled header. DEPENDS: the folders whose headers
# it includes (ringtrain::other), and what its own headers include. Whoever links ringtrain::NAME links the library.
function(ringtrain_add_library name)
  cmake_parse_arguments(ARG "TORCH" "PART" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  if(NOT ARG_PART)
    set(ARG_PART ringtrain_library)
  endif()
  list(TRANSFORM ARG_DEPENDS REPLACE "^ringtrain::" "ringtrain_")
  add_library(ringtrain_${name} OBJECT ${ARG_SOURCES})
  add_library(ringtrain::${name} ALIAS ${ARG_PART})
  target_include_directories(ringtrain_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_compile_features(ringtrain_${name} PUBLIC cxx_std_20)
  target_link_libraries(ringtrain_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ringtrain_settings ${ARG_PRIVATE_DEPENDS})
  if(ARG_TORCH)
    target_link_libraries(ringtrain_${name} PUBLIC LibTorch::cpu)
    target_precompile_headers(ringtrain_${name} REUSE_FROM ringtrain_pch)
  endif()
  target_link_libraries(${ARG_PART} PRIVATE ringtrain_${name})
endfunction()
