/* One token more for every sequence, from its id to its scores, in one call: the decoder's layers over a cache of keys
   and values, and the product with the vocabulary.  Twin: decoder.py with cache.py, as stepping.py says.

   Everything is float32 but the weights of products, which lie in blocks (blocks.h) of either kind.  A row's numbers
   are summed in the same order whatever the other rows are and however many threads there are.

   The threads go through the same phases without barriers: each takes tasks of a phase by number, and goes on when all
   of them are done, so a thread that the system has put aside between tasks holds nobody up. */

#include "number.h"
#ifndef KIND_bfloat16 /* activations are float32: one form of it is enough */
#include "blocks.h"
#include <math.h>
#include <omp.h>
#include <sched.h>

typedef struct { const char *held; const float *bias; long outputs, inputs, narrow; } matrix;

/* An adapter on one matrix: out = (x W^T + (x down) up) * gain; down [inputs][padded], up in blocks, [rank][64] each, of
   which the low ranks from spans[block][0] to spans[block][1] are not zero: others belong to other projections. */
typedef struct { const float *down, *up, *gain; const long (*spans)[2]; long rank, padded; } factors;

enum { QKV, O, GATE_UP, DOWN, MATRICES };

typedef struct {
  matrix matrices[MATRICES];
  const float *norm1, *norm2, *norm1_after, *norm2_after, *q_norm, *k_norm;
  float *keys, *values; /* [slots][kv_heads][capacity][size] */
  long window, local;
} layer;

typedef struct {
  const layer *layers;
  const float *embed, *norm;
  matrix head;
  long depth, hidden, heads, kv_heads, size, wide, capacity, gelu, half[2];
  float eps, offset, scale, score_cap, logit_cap, embed_scale, turn_scale[2];
} model;

/* A sequence: its last token, how many keys it has, its angles' frequencies (global and local), and its adapter's
   factors for each matrix of each layer, where it has one. */
typedef struct { long id, length; const float *frequencies[2]; const factors *adapter; } row;

typedef struct { long next; char apart[120]; long done; char apart_too[120]; } phase;

static long take(phase *at) { return __atomic_fetch_add(&at->next, 1, __ATOMIC_RELAXED); }
static void finish(phase *at) { __atomic_fetch_add(&at->done, 1, __ATOMIC_RELEASE); }
static void wait_for(phase *at, long tasks) {
  for (long turns = 1; __atomic_load_n(&at->done, __ATOMIC_ACQUIRE) < tasks; turns++) {
    if (turns % 256 == 0) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
}
/* The statement behind it runs once for each task of the next phase, by whichever thread comes. */
#define PHASE(task, tasks)                                                                                             \
  for (phase *at = (*now)++, *over = 0; !over; wait_for(at, tasks), over = at)                                         \
    for (long task; (task = take(at)) < (tasks); finish(at))

static void norm_row(const float *x, const float *weight, float *out, long width, float eps, float offset) {
  float squares = 0;
  SIMD_SUM(squares)
  for (long i = 0; i < width; i++) squares += x[i] * x[i];
  float scale = 1.0f / sqrtf(squares / width + eps);
  SIMD
  for (long i = 0; i < width; i++) out[i] = x[i] * scale * (weight[i] + offset);
}

/* low = x down, in four running sums. */
static void lower(const float *x, const factors *one, long inputs, float *low) {
  for (long at = 0; at < one->padded; at += LANES) {
    vec sum[4] = {{0}};
    long i = 0;
    for (; i + 4 <= inputs; i += 4)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) sum[j] += x[i + j] * *(const placed_vec *)(one->down + (i + j) * one->padded + at);
    for (; i < inputs; i++) sum[0] += x[i] * *(const placed_vec *)(one->down + i * one->padded + at);
    *(placed_vec *)(low + at) = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
}

/* What adapter and bias make of `room` outputs of a block. */
static void adjust(float *out, const float *low, const factors *one, const float *bias, long block, long room) {
  float sum[BLOCK] = {0};
  if (one) {
    for (long k = one->spans[block][0]; k < one->spans[block][1]; k++) {
      const float *up = one->up + (block * one->rank + k) * BLOCK;
      SIMD
      for (long i = 0; i < BLOCK; i++) sum[i] += low[k] * up[i];
    }
    for (long i = 0; i < room; i++) out[i] += sum[i];
    if (one->gain) SIMD for (long i = 0; i < room; i++) out[i] *= one->gain[block * BLOCK + i];
  }
  if (bias) SIMD for (long i = 0; i < room; i++) out[i] += bias[block * BLOCK + i];
}

static float capped(float score, float cap) {
  return cap * (1.0f - 2.0f / (1.0f + exponential(2.0f / cap * score)));
}

/* Norm where there is a weight, then rotation of the first 2 half numbers. */
static void turn(const float *x, const float *weight, const float *cos, const float *sin, float *out, const model *m,
                 long half) {
  float y[m->size];
  if (weight) norm_row(x, weight, y, m->size, m->eps, m->offset);
  else memcpy(y, x, sizeof(y));
  SIMD
  for (long i = 0; i < half; i++) {
    out[i] = y[i] * cos[i] - y[i + half] * sin[i];
    out[i + half] = y[i + half] * cos[i] + y[i] * sin[i];
  }
  for (long i = 2 * half; i < m->size; i++) out[i] = y[i];
}

/* a's lanes folded into the lower half of a vector, and b's into the upper, run by run. */
#ifdef __AVX512F__
#define FOLD_8(a, b) (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) + \
                      __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define FOLD_4(a, b) (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) + \
                      __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#define FOLD_2(a, b) (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) + \
                      __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31))
#define FOLD_1(a, b) (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) + \
                      __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))
#else
#define FOLD_4(a, b) (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + \
                      __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#define FOLD_2(a, b) (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) + \
                      __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15))
#define FOLD_1(a, b) (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) + \
                      __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
#endif

/* The sum of each vector's lanes, as one vector. */
static inline __attribute__((always_inline)) vec sums_of(vec *v) {
#ifdef __AVX512F__
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) v[i] = FOLD_8(v[2 * i], v[2 * i + 1]);
#endif
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) v[i] = FOLD_4(v[2 * i], v[2 * i + 1]);
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) v[i] = FOLD_2(v[2 * i], v[2 * i + 1]);
  return FOLD_1(v[0], v[1]);
}

/* scores[j] = q . keys[j]; written up to the next multiple of LANES. */
static void scores_of(const float *q, const float *keys, long count, long size, float *scores) {
  long whole = size / LANES * LANES;
  for (long from = 0; from < count; from += LANES) {
    vec sum[LANES];
    const float *key[LANES];
#pragma GCC unroll 16
    for (int j = 0; j < LANES; j++) {
      key[j] = keys + (from + j < count ? from + j : count - 1) * size;
      sum[j] = (vec){0};
    }
    for (long d = 0; d < whole; d += LANES) {
      vec left = *(const placed_vec *)(q + d);
#pragma GCC unroll 16
      for (int j = 0; j < LANES; j++) {
        __builtin_prefetch(key[j] + LANES * size + d, 0, 2);
        sum[j] += left * *(const placed_vec *)(key[j] + d);
      }
    }
    vec all = sums_of(sum);
    for (long d = whole; d < size; d++)
      for (int j = 0; j < LANES; j++) all[j] += q[d] * key[j][d];
    *(placed_vec *)(scores + from) = all;
  }
}

/* Scores become e^(score - most); their sum. */
static float softmax(float *scores, long count, float scale, float cap) {
  float most = -INFINITY, sum = 0;
  SIMD
  for (long j = 0; j < count; j++) scores[j] *= scale;
  if (cap) SIMD for (long j = 0; j < count; j++) scores[j] = capped(scores[j], cap);
  SIMD_MAX(most)
  for (long j = 0; j < count; j++) most = scores[j] > most ? scores[j] : most;
  SIMD_SUM(sum)
  for (long j = 0; j < count; j++) {
    scores[j] = exponential(scores[j] - most);
    sum += scores[j];
  }
  return sum;
}

/* out = p values / sum, `vecs` vectors of it. */
static inline __attribute__((always_inline)) void weigh(const int vecs, const float *p, const float *values, long count,
                                                        long size, float sum, float *out) {
  vec made[4];
#pragma GCC unroll 4
  for (int j = 0; j < vecs; j++) made[j] = (vec){0};
  for (long i = 0; i < count; i++)
#pragma GCC unroll 4
    for (int j = 0; j < vecs; j++) made[j] += p[i] * *(const placed_vec *)(values + i * size + j * LANES);
#pragma GCC unroll 4
  for (int j = 0; j < vecs; j++) *(placed_vec *)(out + j * LANES) = made[j] / sum;
}

/* One key head of one sequence: its key and value join the cache, its query heads look at all of them. */
static void attend(const model *m, const layer *l, const row *one, long slot, long head, const float *qkv,
                   const float *cos, const float *sin, float *scores, float *out) {
  long size = m->size, shared = m->heads / m->kv_heads, half = m->half[l->local];
  long stretch = (slot * m->kv_heads + head) * m->capacity * size;
  float *keys = l->keys + stretch, *values = l->values + stretch, q[size];
  const float *k = qkv + (m->heads + head) * size, *v = k + m->kv_heads * size;
  turn(k, l->k_norm, cos, sin, keys + one->length * size, m, half);
  memcpy(values + one->length * size, v, size * sizeof(float));
  long first = l->window && one->length >= l->window ? one->length - l->window + 1 : 0;
  long count = one->length + 1 - first;
  keys += first * size, values += first * size;
  for (long h = head * shared; h < (head + 1) * shared; h++) {
    turn(qkv + h * size, l->q_norm, cos, sin, q, m, half);
    scores_of(q, keys, count, size, scores);
    float sum = softmax(scores, count, m->scale, m->score_cap), *to = out + h * size;
    long d = 0;
    for (; d + 4 * LANES <= size; d += 4 * LANES) weigh(4, scores, values + d, count, size, sum, to + d);
    for (; d + LANES <= size; d += LANES) weigh(1, scores, values + d, count, size, sum, to + d);
    for (; d < size; d++) {
      float made = 0;
      for (long i = 0; i < count; i++) made += scores[i] * values[i * size + d];
      to[d] = made / sum;
    }
  }
}

static void gated(const float *gate_up, float *out, long width, int gelu) {
  const float *gate = gate_up, *up = gate_up + width;
  if (gelu) {
    SIMD
    for (long i = 0; i < width; i++) {
      float a = gate[i], inner = 0.79788456f * (a + 0.044715f * a * a * a);
      out[i] = a / (1.0f + exponential(-2.0f * inner)) * up[i];
    }
  } else {
    SIMD
    for (long i = 0; i < width; i++) out[i] = gate[i] / (1.0f + exponential(-gate[i])) * up[i];
  }
}

/* All rows against one block of a matrix, adapters and bias with it. */
static __attribute__((noinline)) void multiply(const matrix *w, const row *rows, long count, long which, const float *x,
                                               const float *low, long low_row, float *out, long out_row, long block) {
  long from = block * BLOCK, room = w->outputs - from < BLOCK ? w->outputs - from : BLOCK;
  const char *held = w->held + from * w->inputs * (w->narrow ? 2 : 4);
  if (w->narrow) block_product(1, x, w->inputs, held, out + from, out_row, count, w->inputs);
  else block_product(0, x, w->inputs, held, out + from, out_row, count, w->inputs);
  if (low_row || w->bias)
    for (long r = 0; r < count; r++) {
      const factors *one = low_row && rows[r].adapter ? rows[r].adapter + which : 0;
      if (one && !one->rank) one = 0;
      adjust(out + r * out_row + from, low + r * low_row, one, w->bias, block, room);
    }
}

static void linear(phase **now, const matrix *w, const row *rows, long count, long which, const float *x, float *low,
                   long low_row, float *out, long out_row) {
  if (low_row)
    PHASE(r, count) {
      const factors *one = rows[r].adapter ? rows[r].adapter + which : 0;
      if (one && one->rank) lower(x + r * w->inputs, one, w->inputs, low + r * low_row);
    }
  PHASE(block, (w->outputs + BLOCK - 1) / BLOCK)
    multiply(w, rows, count, which, x, low, low_row, out, out_row, block);
}

/* x += delta, through a norm of its own where there is one; then the norm of x. */
static void add_norm(const model *m, float *x, float *delta, const float *after, const float *weight, float *out) {
  if (after) norm_row(delta, after, delta, m->hidden, m->eps, m->offset);
  SIMD
  for (long i = 0; i < m->hidden; i++) x[i] += delta[i];
  norm_row(x, weight, out, m->hidden, m->eps, m->offset);
}

static long whole(long outputs) { return (outputs + BLOCK - 1) / BLOCK * BLOCK; }

/* `logits` are [count, V up to a multiple of 64], as the outputs of all products; how much `scratch` and `phases` hold
   says step.py. */
void NAME(step)(const model *m, const row *rows, long count, long low_row, float *scratch, phase *phases, float *logits,
                int threads) {
  long hidden = m->hidden, q_rows = m->heads * m->size, logit_row = whole(m->head.outputs);
  long fused = whole(q_rows + 2 * m->kv_heads * m->size), pair = whole(2 * m->wide), added = whole(hidden);
  float *x = scratch, *h = x + count * hidden, *delta = h + count * hidden, *qkv = delta + count * added;
  float *seen = qkv + count * fused, *gate_up = seen + count * q_rows, *wide = gate_up + count * pair;
  float *low = wide + count * m->wide, *angles = low + count * low_row;
  long turned = 2 * (m->half[0] + m->half[1]), room = m->capacity + LANES;
  float *scores = angles + count * turned;
  memset(phases, 0, (12 * m->depth + 3) * sizeof(phase));
#pragma omp parallel num_threads(threads)
  {
    phase *here = phases, **now = &here;
    float *own = scores + omp_get_thread_num() * room;
    PHASE(r, count) {
      float *to = angles + r * turned;
      for (int kind = 0; kind < 2; to += 2 * m->half[kind++])
        for (long i = 0; i < m->half[kind]; i++) {
          float angle = (float)rows[r].length * rows[r].frequencies[kind][i];
          to[i] = cosf(angle) * m->turn_scale[kind];
          to[m->half[kind] + i] = sinf(angle) * m->turn_scale[kind];
        }
      SIMD
      for (long i = 0; i < hidden; i++) x[r * hidden + i] = m->embed[rows[r].id * hidden + i] * m->embed_scale;
      norm_row(x + r * hidden, m->layers[0].norm1, h + r * hidden, hidden, m->eps, m->offset);
    }
    for (long depth = 0; depth < m->depth; depth++) {
      const layer *l = m->layers + depth;
      const matrix *w = l->matrices;
      const float *next = depth + 1 < m->depth ? l[1].norm1 : m->norm;
      long first = depth * MATRICES, half = m->half[l->local];
      linear(now, w + QKV, rows, count, first + QKV, h, low, low_row, qkv, fused);
      PHASE(task, count * m->kv_heads) {
        long r = task / m->kv_heads;
        const float *cos = angles + r * turned + (l->local ? 2 * m->half[0] : 0);
        attend(m, l, rows + r, r, task % m->kv_heads, qkv + r * fused, cos, cos + half, own, seen + r * q_rows);
      }
      linear(now, w + O, rows, count, first + O, seen, low, low_row, delta, added);
      PHASE(r, count)
        add_norm(m, x + r * hidden, delta + r * added, l->norm1_after, l->norm2, h + r * hidden);
      linear(now, w + GATE_UP, rows, count, first + GATE_UP, h, low, low_row, gate_up, pair);
      PHASE(r, count) gated(gate_up + r * pair, wide + r * m->wide, m->wide, m->gelu);
      linear(now, w + DOWN, rows, count, first + DOWN, wide, low, low_row, delta, added);
      PHASE(r, count)
        add_norm(m, x + r * hidden, delta + r * added, l->norm2_after, next, h + r * hidden);
    }
    linear(now, &m->head, rows, count, -1, h, low, 0, logits, logit_row);
    if (m->logit_cap)
      PHASE(r, count) SIMD for (long i = 0; i < m->head.outputs; i++)
        logits[r * logit_row + i] = capped(logits[r * logit_row + i], m->logit_cap);
  }
}
#endif
