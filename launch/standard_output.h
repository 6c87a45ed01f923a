#pragma once

namespace ringtrain {

/// Writes what std::cout and stdout still hold. Throws Error (exit code 1) with the system's reason when
/// that, or something before it, could not be written. Nobody reads it any more (`| head -1`) where SIGPIPE
/// is ignored: an Error without a text, with the exit code that the signal gives.
void finish_standard_output();

/// Throws that Error. `reason`: errno, or 0 where it is not known.
[[noreturn]] void fail_standard_output(int reason);

}  // namespace ringtrain
