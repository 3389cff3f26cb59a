/* What all kernels share: how numbers are stored, and exp.

   Each source is compiled twice: with tensors of float32, and with -DKIND_bfloat16 of bfloat16.  Arithmetic is float32 in both.
   NAME(f) is the name of f for its kind of tensors.  Sums are split in a fixed way that does not depend on the number
   of threads, so a kernel gives the same bits every time. */

#include <stdint.h>
#include <string.h>

#ifdef KIND_bfloat16
typedef uint16_t number; /* the upper half of a float32 */
#define NAME(function) function##_bfloat16
static inline float load(number x) {
  uint32_t bits = (uint32_t)x << 16;
  float wide;
  memcpy(&wide, &bits, 4);
  return wide;
}
static inline number store(float x) { /* to the nearest, ties to even; NaN stays NaN */
  uint32_t bits;
  memcpy(&bits, &x, 4);
  uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  return x == x ? (number)(rounded >> 16) : 0x7fc0;
}
#else
typedef float number;
#define NAME(function) function##_float32
static inline float load(number x) { return x; }
static inline number store(float x) { return x; }
#endif

#define PARALLEL _Pragma("omp parallel for schedule(static) num_threads(threads)")
#define SIMD _Pragma("omp simd")
#define SIMD_SUM(...) _Pragma(SIMD_TEXT(omp simd reduction(+ : __VA_ARGS__)))
#define SIMD_MAX(x) _Pragma(SIMD_TEXT(omp simd reduction(max : x)))
#define SIMD_TEXT(...) #__VA_ARGS__

/* e^x to about 2 units in the last place, in a form that compilers vectorize: x = n ln 2 + r with |r| <= ln 2 / 2,
   Taylor to r^7, and 2^n put into the exponent.  NaN stays NaN.  Beyond -60 and 60 it stays as it is there: no sum
   with a 1 in it feels the difference, and what is made of it (compilers also divide by it in lanes that they then
   throw away) stays clear of denormal numbers, which made the gate eight times slower. */
static inline float exponential(float x) {
  x = x < -60.0f ? -60.0f : x;
  x = x > 60.0f ? 60.0f : x;
  const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
  float shifted = x * 1.44269504f + shift;
  float n = shifted - shift;
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float sum = 1.0f / 5040;
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  uint32_t bits, power;
  memcpy(&bits, &shifted, 4);
  power = (bits - 0x4b400000u + 127) << 23;
  float scale;
  memcpy(&scale, &power, 4);
  return sum * scale;
}
