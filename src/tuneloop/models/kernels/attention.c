/* Causal attention inside each record of a packed row; twin: attention.py.

     score = scale * q . k             for keys at most `window` - 1 tokens back, the token itself included
     p = e^(score - total)             total = log(sum(e^score)), kept for the backward
     out = p V

   backward, with g the gradient of out:
     dV = p^T g
     slope = p * (g V^T - sum(p * g V^T)) * scale
     dq = slope K,  dK = slope^T q

   One task is one key head of one record with all its query heads, so that nothing is shared between threads.  Queries
   go in blocks of BLOCK, whose scores against all keys before them fit into the cache; what lies behind the last query
   of a block is never computed.  Rows are laid out in float32, filled up with zeros to multiples of 16. */

#include "number.h"
#include "product.h"
#include <math.h>
#include <omp.h>

enum { BLOCK = 32 };

static long padded(long n) { return (n + 15) / 16 * 16; }

/* One head's rows [length, size] as float32 [padded length, padded size]. */
static void lay(const number *from, long step, long length, long size, float *to) {
  long rows = padded(length), width = padded(size);
  for (long i = 0; i < rows; i++) {
    long there = i < length ? size : 0;
    for (long d = 0; d < there; d++) to[i * width + d] = load(from[i * step + d]);
    for (long d = there; d < width; d++) to[i * width + d] = 0;
  }
}

/* The same rows as columns: [size, padded length]. */
static void lay_across(const number *from, long step, long length, long size, float *to) {
  long rows = padded(length);
  for (long d = 0; d < size; d++) {
    for (long i = 0; i < length; i++) to[d * rows + i] = load(from[i * step + d]);
    for (long i = length; i < rows; i++) to[d * rows + i] = 0;
  }
}

static void give_back(const float *from, long rows, long size, number *to, long step) {
  for (long i = 0; i < rows; i++)
    for (long d = 0; d < size; d++) to[i * step + d] = store(from[i * padded(size) + d]);
}

/* The first key that query i sees, and where a block's keys begin. */
static long first_seen(long i, long window) { return window && i >= window ? i - window + 1 : 0; }
static long block_from(long i, long window) { return first_seen(i, window) / 16 * 16; }

/* Scores of query i against keys [from, to) become e^(score - most) with 0 where it does not look; their sum. */
static float softmax_row(float *row, long i, long from, long to, long window, float scale, float *most) {
  long first = first_seen(i, window) - from, end = i + 1 - from;
  float top = row[first], sum = 0;
  SIMD_MAX(top)
  for (long j = first; j < end; j++) top = row[j] > top ? row[j] : top;
  SIMD_SUM(sum)
  for (long j = first; j < end; j++) {
    float one = exponential(scale * (row[j] - top));
    row[j] = one;
    sum += one;
  }
  for (long j = 0; j < first; j++) row[j] = 0;
  for (long j = end; j < to - from; j++) row[j] = 0;
  *most = top * scale;
  return sum;
}

void NAME(attention_forward)(const number *q, long q_token, long q_head, const number *k, long k_token, long k_head,
                             const number *v, long v_token, long v_head, const int64_t *starts, long records,
                             number *out, float *totals, float *scratch, long room, long heads, long kv_heads,
                             long size, long window, float scale, int threads) {
  long shared = heads / kv_heads, width = padded(size);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (long task = 0; task < records * kv_heads; task++) {
    long record = task / kv_heads, kv_head = task % kv_heads;
    long start = starts[record], length = starts[record + 1] - start, rows = padded(length);
    float *keys = scratch + omp_get_thread_num() * room, *values = keys + size * rows, *queries = values + width * rows;
    float *scores = queries + width * rows, *made = scores + BLOCK * rows;
    lay_across(k + start * k_token + kv_head * k_head, k_token, length, size, keys);
    lay(v + start * v_token + kv_head * v_head, v_token, length, size, values);
    for (long head = kv_head * shared; head < (kv_head + 1) * shared; head++) {
      lay(q + start * q_token + head * q_head, q_token, length, size, queries);
      for (long at = 0; at < length; at += BLOCK) {
        long to = at + BLOCK < rows ? at + BLOCK : rows, from = block_from(at, window), real = to < length ? to : length;
        product(to - at, to - from, size, queries + at * width, width, 1, keys + from, rows, scores, rows, 0);
        float sums[BLOCK];
        for (long i = at; i < real; i++) {
          float most;
          sums[i - at] = softmax_row(scores + (i - at) * rows, i, from, to, window, scale, &most);
          totals[(start + i) * heads + head] = most + logf(sums[i - at]);
        }
        product(to - at, width, to - from, scores, rows, 1, values + from * width, width, made, width, 0);
        for (long i = at; i < real; i++) {
          number *row = out + ((start + i) * heads + head) * size;
          for (long d = 0; d < size; d++) row[d] = store(made[(i - at) * width + d] / sums[i - at]);
        }
      }
    }
  }
}

/* Scores of query i become p, and what comes from above (g V^T) becomes the slope. */
static void slope_row(float *p, float *above, long i, long from, long to, long window, float scale, float total) {
  long first = first_seen(i, window) - from, end = i + 1 - from;
  float along = 0;
  SIMD_SUM(along)
  for (long j = first; j < end; j++) {
    float one = exponential(scale * p[j] - total);
    p[j] = one;
    along += one * above[j];
  }
  SIMD
  for (long j = first; j < end; j++) above[j] = p[j] * (above[j] - along) * scale;
  for (long j = 0; j < first; j++) p[j] = above[j] = 0;
  for (long j = end; j < to - from; j++) p[j] = above[j] = 0;
}

void NAME(attention_backward)(const number *grad, const number *q, long q_token, long q_head, const number *k,
                              long k_token, long k_head, const number *v, long v_token, long v_head,
                              const int64_t *starts, long records, const float *totals, number *dq, number *dk,
                              number *dv, float *scratch, long room, long heads, long kv_heads, long size, long window,
                              float scale, int threads) {
  long shared = heads / kv_heads, width = padded(size);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (long task = 0; task < records * kv_heads; task++) {
    long record = task / kv_heads, kv_head = task % kv_heads;
    long start = starts[record], length = starts[record + 1] - start, rows = padded(length);
    float *across = scratch + omp_get_thread_num() * room, *values = across + size * rows, *keys = values + size * rows;
    float *queries = keys + width * rows, *up = queries + width * rows, *dkeys = up + width * rows;
    float *dvalues = dkeys + width * rows, *p = dvalues + width * rows, *above = p + BLOCK * rows;
    float *made = above + BLOCK * rows;
    const number *key = k + start * k_token + kv_head * k_head;
    lay_across(key, k_token, length, size, across);
    lay(key, k_token, length, size, keys);
    lay_across(v + start * v_token + kv_head * v_head, v_token, length, size, values);
    memset(dkeys, 0, 2 * width * rows * sizeof(float));
    for (long head = kv_head * shared; head < (kv_head + 1) * shared; head++) {
      lay(q + start * q_token + head * q_head, q_token, length, size, queries);
      lay(grad + (start * heads + head) * size, heads * size, length, size, up);
      for (long at = 0; at < length; at += BLOCK) {
        long to = at + BLOCK < rows ? at + BLOCK : rows, from = block_from(at, window), real = to < length ? to : length;
        product(to - at, to - from, size, queries + at * width, width, 1, across + from, rows, p, rows, 0);
        product(to - at, to - from, size, up + at * width, width, 1, values + from, rows, above, rows, 0);
        for (long i = at; i < real; i++)
          slope_row(p + (i - at) * rows, above + (i - at) * rows, i, from, to, window, scale,
                    totals[(start + i) * heads + head]);
        for (long i = real; i < to; i++) /* filling */
          memset(p + (i - at) * rows, 0, (to - from) * sizeof(float)),
              memset(above + (i - at) * rows, 0, (to - from) * sizeof(float));
        product(to - from, width, to - at, p, 1, rows, up + at * width, width, dvalues + from * width, width, 1);
        product(to - from, width, to - at, above, 1, rows, queries + at * width, width, dkeys + from * width, width, 1);
        product(to - at, width, to - from, above, rows, 1, keys + from * width, width, made, width, 0);
        give_back(made, real - at, size, dq + ((start + at) * heads + head) * size, heads * size);
      }
    }
    give_back(dkeys, length, size, dk + (start * kv_heads + kv_head) * size, kv_heads * size);
    give_back(dvalues, length, size, dv + (start * kv_heads + kv_head) * size, kv_heads * size);
  }
}
