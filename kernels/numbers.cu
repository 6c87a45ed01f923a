// What the kernels read and write, by NUMBER: 1 bfloat16, 2 float16, 3 float, 4 double. They compute in `Wide`. No header is
// included: the machine that compiles this at run time may have none of CUDA's.
#if NUMBER == 1
typedef unsigned short Number;
typedef float Wide;
__device__ inline Wide widened(Number x) { return __uint_as_float(static_cast<unsigned>(x) << 16); }
__device__ inline Number rounded(Wide x) {
  if (x != x) return 0x7fff;
  const unsigned bits = __float_as_uint(x);
  return static_cast<Number>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to the nearest, ties to even
}
#elif NUMBER == 2
typedef unsigned short Number;
typedef float Wide;
__device__ inline Wide widened(Number x) { return float_of_half(x); }
__device__ inline Number rounded(Wide x) { return half_of_float(x); }
#elif NUMBER == 3
typedef float Number;
typedef float Wide;
__device__ inline Wide widened(Number x) { return x; }
__device__ inline Number rounded(Wide x) { return x; }
#else
typedef double Number;
typedef double Wide;
__device__ inline Wide widened(Number x) { return x; }
__device__ inline Number rounded(Wide x) { return x; }
#endif

// Numbers that are read or written at once.
constexpr int kPack = 16 / sizeof(Number);
struct alignas(16) Pack {
  Number at[kPack];
};
__device__ inline bool aligned(const void* place) { return reinterpret_cast<unsigned long long>(place) % sizeof(Pack) == 0; }

__device__ inline Wide infinity() {
  return sizeof(Wide) == 4 ? static_cast<Wide>(__uint_as_float(0x7f800000u))
                           : static_cast<Wide>(__longlong_as_double(0x7ff0000000000000ll));
}
