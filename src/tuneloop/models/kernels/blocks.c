/* A linear layer over weights laid out in blocks (blocks.h): out = x W^T + bias; twin: blocks.py.

   x [rows, inputs] and out [rows, outputs up to a multiple of 64] are float32, W is of either kind.  Many rows go in chunks that stay in the
   second cache beside a panel of W. */

#include "number.h"
#include "blocks.h"

enum { KEPT = 96 * 1024 }; /* numbers of x in a chunk */

void NAME(linear_blocks)(const float *x, const number *w, const float *bias, float *out, long rows, long outputs,
                         long inputs, int threads) {
  long most = KEPT / inputs / ROWS * ROWS, blocks = (outputs + BLOCK - 1) / BLOCK;
  most = most < 2 * ROWS ? 2 * ROWS : most;
  long chunks = (rows + most - 1) / most;
#pragma omp parallel for schedule(dynamic, 2) num_threads(threads)
  for (long task = 0; task < chunks * blocks; task++) {
    long chunk = task / blocks, block = task % blocks;
    long first = rows * chunk / chunks, count = rows * (chunk + 1) / chunks - first;
    long at = block * BLOCK, room = outputs - at < BLOCK ? outputs - at : BLOCK, out_row = blocks * BLOCK;
    float *to = out + first * out_row + at;
    block_product(sizeof(number) == 2, x + first * inputs, inputs, (const char *)(w + at * inputs), to, out_row, count,
                  inputs);
    if (bias)
      for (long r = 0; r < count; r++) SIMD for (long i = 0; i < room; i++) to[r * out_row + i] += bias[at + i];
  }
}
