/* A linear layer for few rows: out = x W^T + bias; twin: linear.py.

   x [rows, inputs], W [outputs, inputs], out [rows, outputs].  With few rows the time is that of reading W, so W is
   read once, four of its rows at a time, each against up to four rows of x.  Every number of out is summed in the same
   order, whatever the other rows are. */

#include "number.h"
#include "product.h"

enum { TOGETHER = 4 };

/* The sum of a vector's lanes, by halves. */
static inline float across(vec v) {
#ifdef __AVX512F__
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#else
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
#endif
  return v[0] + v[1];
}

/* `outs` x `rows` numbers of out, from as many rows of W and of x. */
static inline __attribute__((always_inline)) void dots(const int outs, const int rows, const number *x, const number *w,
                                                       const number *bias, number *out, long inputs, long outputs) {
  vec sum[TOGETHER][TOGETHER];
#pragma GCC unroll 4
  for (int o = 0; o < outs; o++)
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) sum[o][r] = (vec){0};
  long whole = inputs / LANES * LANES;
  for (long i = 0; i < whole; i += LANES) {
    vec left[TOGETHER];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) left[r] = load_vec(x + r * inputs + i);
#pragma GCC unroll 4
    for (int o = 0; o < outs; o++) {
      vec right = load_vec(w + o * inputs + i);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[o][r] += left[r] * right;
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < outs; o++)
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      float total = across(sum[o][r]);
      for (long i = whole; i < inputs; i++) total += load(x[r * inputs + i]) * load(w[o * inputs + i]);
      out[r * outputs + o] = store(bias ? total + load(bias[o]) : total);
    }
}

static inline __attribute__((always_inline)) void against_all(const int outs, const number *x, const number *w,
                                                              const number *bias, number *out, long rows, long inputs,
                                                              long outputs) {
  long r = 0;
  for (; r + 4 <= rows; r += 4) dots(outs, 4, x + r * inputs, w, bias, out + r * outputs, inputs, outputs);
  const number *rest = x + r * inputs;
  out += r * outputs;
  if (rows - r == 3) dots(outs, 3, rest, w, bias, out, inputs, outputs);
  if (rows - r == 2) dots(outs, 2, rest, w, bias, out, inputs, outputs);
  if (rows - r == 1) dots(outs, 1, rest, w, bias, out, inputs, outputs);
}

void NAME(linear_few)(const number *x, const number *w, const number *bias, number *out, long rows, long outputs,
                      long inputs, int threads) {
  PARALLEL
  for (long block = 0; block < (outputs + TOGETHER - 1) / TOGETHER; block++) {
    long at = block * TOGETHER;
    if (at + TOGETHER <= outputs)
      against_all(TOGETHER, x, w + at * inputs, bias ? bias + at : 0, out + at, rows, inputs, outputs);
    else
      for (; at < outputs; at++)
        against_all(1, x, w + at * inputs, bias ? bias + at : 0, out + at, rows, inputs, outputs);
  }
}
