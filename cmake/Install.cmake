# cmake --install: the command, the libraries, their headers, the configurations, and the package for
# find_package(ringtrain). The command looks for libringtrain_nccl.so in ../lib, so the folder is always lib.
include(CMakePackageConfigHelpers)
set(_package lib/cmake/ringtrain)

# Nine tenths of the command are symbols for a debugger. They stay in the build folder; -DRINGTRAIN_STRIP=OFF installs them too.
option(RINGTRAIN_STRIP "Install the command and the NCCL backend without the symbols for a debugger" ON)
if(RINGTRAIN_STRIP AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  install(CODE "set(CMAKE_INSTALL_DO_STRIP ON)")
endif()

install(TARGETS ringtrain_library ringtrain_launch_library EXPORT ringtrain LIBRARY DESTINATION lib)
install(EXPORT ringtrain NAMESPACE ringtrain:: FILE ringtrain-targets.cmake DESTINATION ${_package})

# A user's own MPI or Arrow in a folder of its own is found at run time too.
# So are the libraries that `--component libraries` puts beside it.
set(_library_folders "")
foreach(_library "${LibTorch_CPU_LIBRARY}" "${ArrowWheel_arrow}" "${NcclWheel_LIBRARY}" "${LibTorch_CUDART_LIBRARY}")
  if(_library)
    get_filename_component(_folder "${_library}" DIRECTORY)
    list(APPEND _library_folders "${_folder}")
  endif()
endforeach()
set(_beside "$ORIGIN/../lib")
foreach(_folder IN LISTS _library_folders)
  if(RINGTRAIN_WHEELS AND _folder MATCHES "^${RINGTRAIN_WHEELS}/")
    file(RELATIVE_PATH _folder "${RINGTRAIN_WHEELS}" "${_folder}")
    list(APPEND _beside "$ORIGIN/../lib/ringtrain/${_folder}")
  endif()
endforeach()
foreach(_target ringtrain ringtrain_nccl ringtrain_library ringtrain_launch_library)
  if(TARGET ${_target})
    set_target_properties(${_target} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON INSTALL_RPATH "${_beside}")
  endif()
endforeach()
if(TARGET ringtrain)
  install(TARGETS ringtrain RUNTIME DESTINATION bin)
endif()
if(TARGET ringtrain_nccl)
  if(TARGET ringtrain)
    add_dependencies(ringtrain ringtrain_nccl)  # loaded at run time
  endif()
  install(TARGETS ringtrain_nccl LIBRARY DESTINATION lib)
endif()

configure_file(cmake/install_headers.cmake.in "${PROJECT_BINARY_DIR}/package/install_headers.cmake" @ONLY)
install(SCRIPT "${PROJECT_BINARY_DIR}/package/install_headers.cmake")
install(DIRECTORY configs DESTINATION share/ringtrain FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY launch/templates DESTINATION share/ringtrain PATTERN new EXCLUDE)  # what `new` writes is in the command
install(FILES LICENSE DESTINATION share/doc/ringtrain OPTIONAL)

# The consumer's build finds the same LibTorch as this one, wherever its own CMAKE_PREFIX_PATH names no other.
get_filename_component(RINGTRAIN_LIBTORCH_ROOT "${LibTorch_INCLUDE_DIR}/.." ABSOLUTE)
configure_package_config_file(cmake/ringtrain-config.cmake.in "${PROJECT_BINARY_DIR}/package/ringtrain-config.cmake"
                              INSTALL_DESTINATION ${_package})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/ringtrain-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/ringtrain-config.cmake"
              "${PROJECT_BINARY_DIR}/package/ringtrain-config-version.cmake"
              cmake/FindLibTorch.cmake cmake/RingtrainPlugin.cmake DESTINATION ${_package})

configure_file(cmake/install_libraries.cmake.in "${PROJECT_BINARY_DIR}/package/install_libraries.cmake" @ONLY)
install(SCRIPT "${PROJECT_BINARY_DIR}/package/install_libraries.cmake" COMPONENT libraries EXCLUDE_FROM_ALL)
list(JOIN _library_folders "\" \"" _library_folders)
configure_file(cmake/install_readable.cmake.in "${PROJECT_BINARY_DIR}/package/install_readable.cmake" @ONLY)
install(SCRIPT "${PROJECT_BINARY_DIR}/package/install_readable.cmake")
