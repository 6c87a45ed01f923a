#pragma once

/// Before a function whose loops are worth vectorising: compiled for AVX2 and for any processor, and chosen
/// when the program starts. Not with sanitizers, which are not ready at that time.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define RINGTRAIN_VECTOR_CLONES __attribute__((target_clones("arch=haswell", "default")))
#else
#define RINGTRAIN_VECTOR_CLONES
#endif
