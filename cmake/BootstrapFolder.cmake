# Where tools/bootstrap.sh keeps the Python wheels that carry LibTorch and Arrow: a folder keyed by its list, below that of
# tools/libraries_folder.sh. tools/bootstrap.sh computes the same keys.
#
#   RINGTRAIN_WHEELS         the site-packages with torch and pyarrow; empty when the bootstrap did not make it
#   RINGTRAIN_PEERS_PYTHON   the Python of the test peers: your own (-D), else the one that ./test.sh installs; empty when it is not there
#   RINGTRAIN_TENSORFLOW_PYTHON   that of TensorFlow, where somebody wanted it (tools/bootstrap.sh --tensorflow); else empty
#   RINGTRAIN_TRITON_PYTHON       the same for Triton's core (--triton)
set(_lists "${CMAKE_CURRENT_LIST_DIR}/../tools")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_lists}/python-libraries.txt" "${_lists}/python-peers.txt"
             "${_lists}/python-tensorflow.txt" "${_lists}/python-triton.txt")
execute_process(COMMAND bash "${_lists}/libraries_folder.sh" OUTPUT_VARIABLE _base OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(TO_CMAKE_PATH "${_base}" _base)

# The key of some lists: the start of the hash of their lines without comments and blank lines.
function(ringtrain_list_key result)
  set(text "")
  foreach(list IN LISTS ARGN)
    file(STRINGS "${list}" lines)
    foreach(line IN LISTS lines)
      if(line AND NOT line MATCHES "^#")
        string(APPEND text "${line}\n")
      endif()
    endforeach()
  endforeach()
  string(SHA256 key "${text}")
  string(SUBSTRING "${key}" 0 12 key)
  set(${result} "${key}" PARENT_SCOPE)
endfunction()

ringtrain_list_key(_key "${_lists}/python-libraries.txt")
set(RINGTRAIN_WHEELS "")
if(EXISTS "${_base}/libraries-${_key}/.complete")
  file(GLOB RINGTRAIN_WHEELS "${_base}/libraries-${_key}/lib/python3*/site-packages")
endif()

# The Python of the environment `name`, keyed by these lists; empty when it is not there.
function(ringtrain_environment_python result name)
  ringtrain_list_key(key ${ARGN})
  set(${result} "" PARENT_SCOPE)
  if(EXISTS "${_base}/${name}-${key}/.complete")
    set(${result} "${_base}/${name}-${key}/bin/python3" PARENT_SCOPE)
  endif()
endfunction()

if(NOT RINGTRAIN_PEERS_PYTHON)
  ringtrain_environment_python(RINGTRAIN_PEERS_PYTHON peers "${_lists}/python-libraries.txt" "${_lists}/python-peers.txt")
endif()
ringtrain_environment_python(RINGTRAIN_TENSORFLOW_PYTHON tensorflow "${_lists}/python-tensorflow.txt")
ringtrain_environment_python(RINGTRAIN_TRITON_PYTHON triton "${_lists}/python-libraries.txt" "${_lists}/python-triton.txt")

# What the find modules found is kept in the cache: look again when the list, RINGTRAIN_DEPS or CMAKE_PREFIX_PATH changed.
set(_places "${RINGTRAIN_WHEELS}|${CMAKE_PREFIX_PATH}|$ENV{CMAKE_PREFIX_PATH}")
if(NOT _places STREQUAL "${RINGTRAIN_SEARCHED_PLACES}" AND DEFINED CACHE{RINGTRAIN_SEARCHED_PLACES})
  get_cmake_property(_cached CACHE_VARIABLES)
  foreach(_name IN LISTS _cached)
    if(_name MATCHES "^(LibTorch|ArrowWheel|NcclWheel)_.*_(DIR|LIBRARY)$|^ArrowWheel_(arrow|parquet)$|^NcclWheel_LIBRARY$|^Arrow_DIR$")
      unset(${_name} CACHE)
    endif()
  endforeach()
endif()
set(RINGTRAIN_SEARCHED_PLACES "${_places}" CACHE INTERNAL "Where LibTorch, Arrow and NCCL were searched for")
