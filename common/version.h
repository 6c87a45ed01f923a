#pragma once

/// That of the project in CMakeLists.txt, which refuses another one here: what a plugin is compiled with.
#define RINGTRAIN_VERSION_TEXT "0.1.0"
