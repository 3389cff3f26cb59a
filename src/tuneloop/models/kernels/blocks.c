/* A linear layer over weights laid out in blocks: out = x W^T + bias; twin: blocks.py.

   x [rows, inputs] and out [rows, outputs] are float32, W is of either kind, [outputs / 64][inputs][64] with zeros
   behind the last output.  A block is one stretch of memory, read from its beginning to its end, and each number of it
   is widened once for up to six rows: no sums across lanes, nothing gathered.  Every number of out is summed in the
   order of the inputs, whatever the other rows are. */

#include "number.h"
#include "product.h"

enum { BLOCK = 64, ROWS = 6 };
#ifdef __AVX512F__
enum { VECS = 4 }; /* 6 x 4 sums, 4 of W: 28 of 32 registers */
#else
enum { VECS = 2 }; /* 6 x 2 sums, 2 of W, 1 of x: 15 of 16 */
#endif

static inline __attribute__((always_inline)) void some_rows(const int rows, const float *x, const number *w,
                                                            const float *bias, float *out, long inputs, long outputs,
                                                            long at) {
  for (int part = 0; part < BLOCK; part += VECS * LANES) {
    vec sum[ROWS][VECS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int j = 0; j < VECS; j++) sum[r][j] = (vec){0};
    const number *from = w + part;
    for (long i = 0; i < inputs; i++, from += BLOCK) {
      vec right[VECS];
#pragma GCC unroll 4
      for (int j = 0; j < VECS; j++) right[j] = load_vec(from + j * LANES);
#pragma GCC unroll 6
      for (int r = 0; r < rows; r++) {
        float left = x[r * inputs + i];
#pragma GCC unroll 4
        for (int j = 0; j < VECS; j++) sum[r][j] += left * right[j];
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int j = 0; j < VECS; j++) {
        long first = at + part + j * LANES;
        float *to = out + r * outputs + first;
        if (first + LANES <= outputs) {
          if (bias) sum[r][j] += *(const vec *)(bias + first);
          *(vec *)to = sum[r][j];
        } else {
          for (long lane = 0; lane < LANES && first + lane < outputs; lane++)
            to[lane] = sum[r][j][lane] + (bias ? bias[first + lane] : 0);
        }
      }
  }
}

void NAME(linear_blocks)(const float *x, const number *w, const float *bias, float *out, long rows, long outputs,
                         long inputs, int threads) {
  PARALLEL
  for (long block = 0; block < (outputs + BLOCK - 1) / BLOCK; block++) {
    const number *from = w + block * inputs * BLOCK;
    long at = block * BLOCK, r = 0;
    for (; r + ROWS <= rows; r += ROWS)
      some_rows(ROWS, x + r * inputs, from, bias, out + r * outputs, inputs, outputs, at);
    const float *rest = x + r * inputs;
    float *to = out + r * outputs;
    switch (rows - r) {
      case 5: some_rows(5, rest, from, bias, to, inputs, outputs, at); break;
      case 4: some_rows(4, rest, from, bias, to, inputs, outputs, at); break;
      case 3: some_rows(3, rest, from, bias, to, inputs, outputs, at); break;
      case 2: some_rows(2, rest, from, bias, to, inputs, outputs, at); break;
      case 1: some_rows(1, rest, from, bias, to, inputs, outputs, at); break;
    }
  }
}
