/* Queries and keys out of the fused projection: norm of each head where there is a weight, then rotation; twin:
   heads.py.

     y = x * inverse * (weight + offset)
     out[i]        = y[i] * cos[i] - y[i + half] * sin[i]      for i < half: the pairs that are turned
     out[i + half] = y[i + half] * cos[i] + y[i] * sin[i]
     out[i]        = y[i]                                      for i >= 2 half

   backward: the gradient is turned back by the same angles, then goes through the norm as in norm.c; gradients of
   values are copied to their place.  A row of qkv holds `turned` heads (queries and keys), then `values` heads. */

#include "number.h"
#include <math.h>

static void turn(const float *y, const number *cos, const number *sin, float sign, number *out, long half, long size) {
  SIMD
  for (long i = 0; i < half; i++) {
    float c = load(cos[i]), s = load(sin[i]) * sign;
    out[i] = store(y[i] * c - y[i + half] * s);
    out[i + half] = store(y[i + half] * c + y[i] * s);
  }
  for (long i = 2 * half; i < size; i++) out[i] = store(y[i]);
}

void NAME(heads_forward)(const number *qkv, const number *cos, const number *sin, const number *weight, number *out,
                         float *inverse, long tokens, long turned, long values, long size, long half, float eps,
                         float offset, int threads) {
  PARALLEL
  for (long token = 0; token < tokens; token++) {
    float y[size];
    for (long head = 0; head < turned; head++) {
      const number *x = qkv + (token * (turned + values) + head) * size, *w = weight + head * size;
      if (weight) {
        float squares = 0;
        SIMD_SUM(squares)
        for (long i = 0; i < size; i++) squares += load(x[i]) * load(x[i]);
        float scale = 1.0f / sqrtf(squares / size + eps);
        inverse[token * turned + head] = scale;
        SIMD
        for (long i = 0; i < size; i++) y[i] = load(x[i]) * scale * (load(w[i]) + offset);
      } else {
        SIMD
        for (long i = 0; i < size; i++) y[i] = load(x[i]);
      }
      turn(y, cos + token * half, sin + token * half, 1.0f, out + (token * turned + head) * size, half, size);
    }
  }
}

static void head_backward(const number *grad, const number *cos, const number *sin, const number *x, const number *w,
                          const float *inverse, number *out, float *part, long half, long size, float offset) {
  float wide[size];
  SIMD
  for (long i = 0; i < half; i++) {
    float c = load(cos[i]), s = load(sin[i]), first = load(grad[i]), second = load(grad[i + half]);
    wide[i] = first * c + second * s;
    wide[i + half] = second * c - first * s;
  }
  for (long i = 2 * half; i < size; i++) wide[i] = load(grad[i]);
  if (!w) {
    SIMD
    for (long i = 0; i < size; i++) out[i] = store(wide[i]);
    return;
  }
  float scale = *inverse, along = 0;
  SIMD_SUM(along)
  for (long i = 0; i < size; i++) along += wide[i] * (load(w[i]) + offset) * load(x[i]);
  along *= scale * scale * scale / size;
  if (part)
    SIMD for (long i = 0; i < size; i++) part[i] += wide[i] * load(x[i]) * scale;
  SIMD
  for (long i = 0; i < size; i++) out[i] = store(wide[i] * (load(w[i]) + offset) * scale - load(x[i]) * along);
}

void NAME(heads_backward)(const number *dq, long dq_token, long dq_head, const number *dk, long dk_token, long dk_head,
                          const number *dv, long dv_token, long dv_head, const number *cos, const number *sin,
                          const number *qkv, const number *weight, const float *inverse, number *out, float *dweight,
                          long chunks, long tokens, long heads, long values, long size, long half, float offset,
                          int threads) {
  long turned = heads + values, all = turned + values;
  PARALLEL
  for (long chunk = 0; chunk < chunks; chunk++) {
    float *part = dweight ? dweight + chunk * turned * size : 0;
    for (long token = tokens * chunk / chunks; token < tokens * (chunk + 1) / chunks; token++) {
      for (long head = 0; head < turned; head++) {
        const number *grad = head < heads ? dq + token * dq_token + head * dq_head
                                          : dk + token * dk_token + (head - heads) * dk_head;
        long at = (token * all + head) * size;
        head_backward(grad, cos + token * half, sin + token * half, weight ? qkv + at : 0,
                      weight ? weight + head * size : 0, weight ? inverse + token * turned + head : 0, out + at,
                      part ? part + head * size : 0, half, size, offset);
      }
      for (long head = 0; head < values; head++)
        memcpy(out + (token * all + turned + head) * size, dv + token * dv_token + head * dv_head,
               size * sizeof(number));
    }
  }
}
