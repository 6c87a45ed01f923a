# ringtrain_add_plugin(NAME SOURCES...): a library with kinds of its own for `plugins:` of a configuration, libNAME.so
# (ringtrain/trainer/plugins/plugin.h).
function(ringtrain_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX lib)
  target_link_libraries(${name} PRIVATE ringtrain::ringtrain)
endfunction()
