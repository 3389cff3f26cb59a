/* Products with weights laid out in blocks of 64 outputs, which blocks.py describes: out = x W^T.

   x and out are float32.  A block is one stretch of memory, [inputs][64]; in bfloat16 the outputs l and l + 16 of each
   32 share a word, the first in its lower half, so that one shift and one mask widen two vectors.  Each number of W is
   widened once for up to six rows of x: no sums across lanes, nothing gathered.  Every number of out is summed in the
   order of the inputs, whatever the other rows are.

   With few rows the time is that of reading W, and asking for it ahead makes that a tenth to a quarter faster (one core,
   1 to 16 rows): lines are asked for STREAM bytes ahead, or, where several groups of rows pass over a panel that
   stays in the second cache, the next panel during the last of them. */

#include "product.h"

enum { BLOCK = 64, ROWS = 6, PANEL = 512, STREAM = 2048 };
#ifdef __AVX512F__
enum { VECS = 4 }; /* 6 x 4 sums, 4 of W: 28 of 32 registers */
#else
enum { VECS = 2 }; /* 6 x 2 sums, 2 of W, 1 of x: 15 of 16 */
#endif

typedef uint32_t word_vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float placed_vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* One input's weights: vector j holds the outputs from `at` + 16 j. */
static inline __attribute__((always_inline)) void widened(const int narrow, const char *w, long at, vec *to) {
#pragma GCC unroll 2
  for (int j = 0; j < VECS; j += 2) {
    if (narrow) {
      word_vec both = *(const word_vec *)(w + 4 * (at / 32 * 16 + at % 32 + 8 * j));
      to[j] = (vec)(both << 16);
      to[j + 1] = (vec)(both & 0xffff0000u);
    } else {
      to[j] = *(const placed_vec *)(w + 4 * (at + 16 * j));
      to[j + 1] = *(const placed_vec *)(w + 4 * (at + 16 * j + 16));
    }
  }
}

/* `rows` rows over one panel of a block; `add` goes on from what stands in out. */
static inline __attribute__((always_inline)) void tile_of(const int rows, const int narrow, const float *x, long x_row,
                                                          const char *w, float *out, long out_row, long inputs, int add,
                                                          long ahead) {
  const long line = BLOCK * (narrow ? 2 : 4);
  for (int part = 0; part < BLOCK / (VECS * LANES); part++) {
    long at = part / 2 * 32 + part % 2 * 8;
    vec sum[ROWS][VECS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int j = 0; j < VECS; j++)
        sum[r][j] = add ? (vec) * (const placed_vec *)(out + r * out_row + at + 16 * j) : (vec){0};
    const char *from = w;
    for (long i = 0; i < inputs; i++, from += line) {
      vec right[VECS];
      if (part == 0)
#pragma GCC unroll 4
        for (long byte = 0; byte < line; byte += 64) __builtin_prefetch(from + ahead + byte, 0, 2);
      widened(narrow, from, at, right);
#pragma GCC unroll 6
      for (int r = 0; r < rows; r++) {
        float left = x[r * x_row + i];
#pragma GCC unroll 4
        for (int j = 0; j < VECS; j++) sum[r][j] += left * right[j];
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int j = 0; j < VECS; j++) *(placed_vec *)(out + r * out_row + at + 16 * j) = sum[r][j];
  }
}

/* All rows against one block, of which 64 outputs are written, whether there are so many or not. */
static inline __attribute__((always_inline)) void block_product(const int narrow, const float *x, long x_row,
                                                                const char *w, float *out, long out_row, long rows,
                                                                long inputs) {
#define TILE(n) case n: tile_of(n, narrow, left, x_row, panel, to, out_row, here, from > 0, ahead); break
  long line = BLOCK * (narrow ? 2 : 4), groups = (rows + ROWS - 1) / ROWS;
  for (long from = 0; from < inputs; from += PANEL) {
    long here = inputs - from < PANEL ? inputs - from : PANEL;
    const char *panel = w + from * line;
    for (long group = 0; group < groups; group++) { /* groups of nearly one size */
      long first = rows * group / groups, count = rows * (group + 1) / groups - first;
      const float *left = x + first * x_row + from;
      float *to = out + first * out_row;
      long ahead = group + 1 < groups || groups == 1 ? STREAM : PANEL * line;
      switch (count) { TILE(1); TILE(2); TILE(3); TILE(4); TILE(5); TILE(6); }
    }
  }
#undef TILE
}
