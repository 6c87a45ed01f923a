# What programs link: libringtrain.so, the folders up to trainer/ as one, for the command, own programs, plugins, tests and benches; and
# libringtrain_launch.so, the command itself, with the server and what it needs. Each folder adds itself (ringtrain_add_library). Names
# in namespace ringtrain are seen from outside, nothing else.
foreach(_library ringtrain_library ringtrain_launch_library)
  add_library(${_library} SHARED "${PROJECT_BINARY_DIR}/pch/empty.cpp")
  target_include_directories(${_library} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
  target_compile_features(${_library} PUBLIC cxx_std_20)
  target_link_libraries(${_library} PUBLIC LibTorch::cpu nlohmann_json::nlohmann_json PRIVATE ringtrain_settings)
  target_link_options(${_library} PRIVATE "-Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map" -Wl,-Bsymbolic-functions)
  set_target_properties(${_library} PROPERTIES LINK_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/exports.map")
endforeach()
target_link_libraries(ringtrain_launch_library PUBLIC ringtrain_library)
set_target_properties(ringtrain_library PROPERTIES OUTPUT_NAME ringtrain EXPORT_NAME ringtrain)
set_target_properties(ringtrain_launch_library PROPERTIES OUTPUT_NAME ringtrain_launch EXPORT_NAME launch)
add_library(ringtrain::ringtrain ALIAS ringtrain_library)
include(RingtrainPlugin)
