# Unity builds (-DCMAKE_UNITY_BUILD=ON): several sources to a unit, so that a build from scratch loads the precompiled header
# and the headers of JSON, HTTP and tests tens of times instead of hundreds. What a single change costs grows, so it is off unless asked for.
#
# Names in unnamed namespaces need not differ: a source goes to the first unit in which no other one defines or uses a name that
# it defines there, and none defines one that it uses. That is read from the text (formatted as .clang-format says: what is at file
# scope begins in the first column), so a source may be alone without need, but never with a namesake: a call cannot silently mean
# another file's function. Sources with macros or options of their own stay alone.

# What stands in unnamed namespaces, and what file scope has for itself beside them: functions that are static, constants.
function(_ringtrain_private_text result text)
  string(REGEX MATCHALL "\n(static|const|constexpr) [^\n]*" private "${text}")
  while(TRUE)
    string(FIND "${text}" "\nnamespace {\n" begin)
    if(begin EQUAL -1)
      break()
    endif()
    math(EXPR begin "${begin} + 12")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" "\n}  // namespace\n" end)
    string(SUBSTRING "${text}" 0 ${end} inside)
    string(APPEND private "\n${inside}")
  endwhile()
  set(${result} "${private}" PARENT_SCOPE)
endfunction()

# The names that a source defines for itself, and those it uses without qualification (functions by their calls).
function(_ringtrain_names source defined used)
  file(READ "${source}" text)
  string(REGEX REPLACE "[][;]" " " text "\n${text}\n")  # they mean something in lists of CMake
  _ringtrain_private_text(private "${text}")
  foreach(variable text private)
    string(REGEX REPLACE "//[^\n]*" "" ${variable} "${${variable}}")
    string(REGEX REPLACE "\nnamespace [^\n]*" "" ${variable} "${${variable}}")  # an alias may be repeated
  endforeach()
  set(names "")
  foreach(pattern
          "\n[A-Za-z][A-Za-z0-9_:<>,&* ]*[ &*]([a-z_][a-z0-9_]*)\\("                    # a function, its type before it
          "\n([a-z_][a-z0-9_]*)\\("                                                     # its type on the line before
          "\n(struct|class|union|enum|enum class|enum struct) ([A-Za-z_][A-Za-z0-9_]*)"
          "\nusing ([A-Za-z_][A-Za-z0-9_]*) ="
          "\n[a-z][A-Za-z0-9_:<>,&* ]*[ &*](k[A-Z][A-Za-z0-9_]*|[a-z_][a-z0-9_]*) *[={\n]"  # a constant or variable
          ", (k[A-Z][A-Za-z0-9_]*) =")  # and one more of its kind
    string(REGEX MATCHALL "${pattern}" matches "${private}")
    foreach(match IN LISTS matches)
      string(REGEX REPLACE " *[({=\n]$" "" match "${match}")
      string(REGEX REPLACE ".*[^A-Za-z0-9_]" "" match "${match}")
      list(APPEND names "${match}")
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES names)
  list(REMOVE_ITEM names "" TEST TEST_F TEST_P TYPED_TEST)
  set(${defined} "${names}" PARENT_SCOPE)

  string(REGEX MATCHALL "[^.>:A-Za-z0-9_](k?[A-Z][A-Za-z0-9_]*|[a-z_][a-z0-9_]*[(])" matches "${text}")
  list(TRANSFORM matches REPLACE "^.([A-Za-z0-9_]+)[(]?$" "\\1")
  list(REMOVE_DUPLICATES matches)
  set(${used} "${matches}" PARENT_SCOPE)
endfunction()

function(_ringtrain_disjoint result some others)
  foreach(name IN LISTS some)
    if(name IN_LIST others)
      set(${result} FALSE PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${result} TRUE PARENT_SCOPE)
endfunction()

# Gives the sources of a target their units (UNITY_GROUP).
function(_ringtrain_group target)
  get_target_property(sources ${target} SOURCES)
  get_target_property(folder ${target} SOURCE_DIR)
  set(groups 0)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${folder}")
    if(NOT source MATCHES "[.]cpp$" OR NOT EXISTS "${source}")
      continue()
    endif()
    get_source_file_property(group "${source}" TARGET_DIRECTORY ${target} UNITY_GROUP)
    get_source_file_property(options "${source}" TARGET_DIRECTORY ${target} COMPILE_OPTIONS)
    file(STRINGS "${source}" special REGEX "^ *(#define|#undef|#pragma|using namespace)" LIMIT_COUNT 1)
    if(group OR options OR special)  # also a source of two targets: it has one group only
      set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      continue()
    endif()
    _ringtrain_names("${source}" defined used)
    set(chosen 0)
    foreach(number RANGE 1 ${groups})
      if(groups EQUAL 0 OR size_${number} GREATER_EQUAL RINGTRAIN_UNITY_SOURCES)
        continue()
      endif()
      _ringtrain_disjoint(theirs "${defined}" "${used_${number}}")
      _ringtrain_disjoint(ours "${defined_${number}}" "${used}")
      _ringtrain_disjoint(both "${defined}" "${defined_${number}}")
      if(theirs AND ours AND both)
        set(chosen ${number})
        break()
      endif()
    endforeach()
    if(chosen EQUAL 0)
      math(EXPR groups "${groups} + 1")
      set(chosen ${groups})
      set(size_${chosen} 0)
    endif()
    math(EXPR size_${chosen} "${size_${chosen}} + 1")
    list(APPEND defined_${chosen} ${defined})
    list(APPEND used_${chosen} ${used})
    set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP ${chosen})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()

function(_ringtrain_unity folder)
  get_directory_property(targets DIRECTORY "${folder}" BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "^(STATIC_LIBRARY|SHARED_LIBRARY|OBJECT_LIBRARY|EXECUTABLE)$")
      _ringtrain_group(${target})
    endif()
  endforeach()
  get_directory_property(below DIRECTORY "${folder}" SUBDIRECTORIES)
  foreach(one IN LISTS below)
    _ringtrain_unity("${one}")
  endforeach()
endfunction()

set(RINGTRAIN_UNITY_SOURCES 12 CACHE STRING "Sources of a unit at most, with CMAKE_UNITY_BUILD")
mark_as_advanced(RINGTRAIN_UNITY_SOURCES)
if(CMAKE_UNITY_BUILD)
  _ringtrain_unity("${PROJECT_SOURCE_DIR}")
endif()
