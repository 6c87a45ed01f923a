# Where tools/bootstrap.sh keeps the Python wheels that carry LibTorch and Arrow: a folder keyed by its list, below
# $RINGTRAIN_DEPS or ~/.cache/ringtrain. tools/bootstrap.sh computes the same keys.
#
#   RINGTRAIN_WHEELS         the site-packages with torch and pyarrow; empty when the bootstrap did not make it
#   RINGTRAIN_PEERS_PYTHON   the Python of the test peers, which ./test.sh installs; empty when it is not there
set(_lists "${CMAKE_CURRENT_LIST_DIR}/../tools")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_lists}/python-libraries.txt" "${_lists}/python-peers.txt")
if(DEFINED ENV{RINGTRAIN_DEPS})
  file(TO_CMAKE_PATH "$ENV{RINGTRAIN_DEPS}" _base)
else()
  file(TO_CMAKE_PATH "$ENV{HOME}/.cache/ringtrain" _base)
endif()

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

ringtrain_list_key(_key "${_lists}/python-libraries.txt" "${_lists}/python-peers.txt")
set(RINGTRAIN_PEERS_PYTHON "")
if(EXISTS "${_base}/peers-${_key}/.complete")
  set(RINGTRAIN_PEERS_PYTHON "${_base}/peers-${_key}/bin/python3")
endif()

# What the find modules found is kept in the cache: look again when the list, RINGTRAIN_DEPS or CMAKE_PREFIX_PATH changed.
set(_places "${RINGTRAIN_WHEELS}|${CMAKE_PREFIX_PATH}|$ENV{CMAKE_PREFIX_PATH}")
if(NOT _places STREQUAL "${RINGTRAIN_SEARCHED_PLACES}" AND DEFINED CACHE{RINGTRAIN_SEARCHED_PLACES})
  get_cmake_property(_cached CACHE_VARIABLES)
  foreach(_name IN LISTS _cached)
    if(_name MATCHES "^(LibTorch|ArrowWheel|NcclWheel)_.*_(DIR|LIBRARY)$|^ArrowWheel_LIBRARY$|^NcclWheel_LIBRARY$|^Arrow_DIR$")
      unset(${_name} CACHE)
    endif()
  endforeach()
endif()
set(RINGTRAIN_SEARCHED_PLACES "${_places}" CACHE INTERNAL "Where LibTorch, Arrow and NCCL were searched for")
