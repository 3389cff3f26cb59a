/* RMSNorm with the residual addition before it; twin: norm.py.

     total = x + delta                                       (without delta: total = x, which is not written)
     inverse = 1 / sqrt(mean(total^2) + eps)
     out = total * inverse * (weight + offset)

   backward, with g = grad * (weight + offset) and w the width:
     dx = g * inverse - total * inverse^3 * sum(g * total) / w + grad_total
     dweight = sum over rows of grad * total * inverse       (one part per chunk of rows) */

#include "number.h"
#include <math.h>

void NAME(norm_forward)(const number *x, const number *delta, const number *weight, number *total, number *out,
                        float *inverse, long rows, long width, float eps, float offset, int threads) {
  PARALLEL
  for (long row = 0; row < rows; row++) {
    const number *from = x + row * width;
    number *to = out + row * width;
    if (delta) {
      const number *add = delta + row * width;
      number *sum = total + row * width;
      SIMD
      for (long i = 0; i < width; i++) sum[i] = store(load(from[i]) + load(add[i]));
      from = sum;
    }
    float squares = 0;
    SIMD_SUM(squares)
    for (long i = 0; i < width; i++) squares += load(from[i]) * load(from[i]);
    float scale = 1.0f / sqrtf(squares / width + eps);
    inverse[row] = scale;
    SIMD
    for (long i = 0; i < width; i++) to[i] = store(load(from[i]) * scale * (load(weight[i]) + offset));
  }
}

void NAME(norm_backward)(const number *grad, const number *grad_total, const number *total, const number *weight,
                         const float *inverse, number *dx, float *dweight, long chunks, long rows, long width,
                         float offset, int threads) {
  PARALLEL
  for (long chunk = 0; chunk < chunks; chunk++) {
    float *part = dweight ? dweight + chunk * width : 0;
    for (long row = rows * chunk / chunks; row < rows * (chunk + 1) / chunks; row++) {
      const number *g = grad + row * width, *x = total + row * width;
      number *to = dx + row * width;
      float scale = inverse[row], along = 0;
      SIMD_SUM(along)
      for (long i = 0; i < width; i++) along += load(g[i]) * (load(weight[i]) + offset) * load(x[i]);
      along *= scale * scale * scale / width;
      if (part)
        SIMD for (long i = 0; i < width; i++) part[i] += load(g[i]) * load(x[i]) * scale;
      if (grad_total) {
        const number *add = grad_total + row * width;
        SIMD
        for (long i = 0; i < width; i++)
          to[i] = store(load(g[i]) * (load(weight[i]) + offset) * scale - load(x[i]) * along + load(add[i]));
      } else {
        SIMD
        for (long i = 0; i < width; i++)
          to[i] = store(load(g[i]) * (load(weight[i]) + offset) * scale - load(x[i]) * along);
      }
    }
  }
}
