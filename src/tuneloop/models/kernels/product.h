/* Small float32 matrix products in registers: C = A B, or C += A B.

   C [m, n] and B [k, n] have rows next to one another in memory, `c_row` and `b_row` numbers apart; A [m, k] is read
   one number at a time, so it may lie in either order: number (i, l) stands at a[i * a_row + l * a_step].  m must be a
   multiple of 4 and n of LANES: callers fill up with zeros. */

#ifdef __AVX512F__
enum { LANES = 16, WIDE = 4 }; /* 4 x 4 sums, 4 of B, 1 of A: 21 of 32 registers */
#else
enum { LANES = 8, WIDE = 2 }; /* 4 x 2 sums, 2 of B, 1 of A: 11 of 16 */
#endif
typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* LANES numbers as float32. */
#ifdef KIND_bfloat16
typedef uint16_t narrow_vec __attribute__((vector_size(LANES * 2), aligned(2), may_alias));
typedef uint32_t bits_vec __attribute__((vector_size(LANES * 4)));
static inline vec load_vec(const number *from) {
  return (vec)(__builtin_convertvector(*(const narrow_vec *)from, bits_vec) << 16);
}
#else
static inline vec load_vec(const number *from) { return *(const vec *)from; }
#endif

static inline __attribute__((always_inline)) void tile(const int wide, long k, const float *a, long a_row, long a_step,
                                                       const float *b, long b_row, float *c, long c_row, int add) {
  vec sum[4][WIDE];
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
    for (int j = 0; j < wide; j++) sum[i][j] = add ? *(vec *)(c + i * c_row + j * LANES) : (vec){0};
  for (long l = 0; l < k; l++) {
    vec right[WIDE];
#pragma GCC unroll 4
    for (int j = 0; j < wide; j++) right[j] = *(const vec *)(b + l * b_row + j * LANES);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      float left = a[i * a_row + l * a_step];
#pragma GCC unroll 4
      for (int j = 0; j < wide; j++) sum[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
    for (int j = 0; j < wide; j++) *(vec *)(c + i * c_row + j * LANES) = sum[i][j];
}

static inline void product(long m, long n, long k, const float *a, long a_row, long a_step, const float *b, long b_row,
                    float *c, long c_row, int add) {
  long j = 0;
  for (; j + WIDE * LANES <= n; j += WIDE * LANES)
    for (long i = 0; i < m; i += 4)
      tile(WIDE, k, a + i * a_row, a_row, a_step, b + j, b_row, c + i * c_row + j, c_row, add);
  for (; j < n; j += LANES)
    for (long i = 0; i < m; i += 4)
      tile(1, k, a + i * a_row, a_row, a_step, b + j, b_row, c + i * c_row + j, c_row, add);
}
