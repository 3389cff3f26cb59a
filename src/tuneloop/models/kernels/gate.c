/* SwiGLU: out = silu(gate) * up, silu(a) = a / (1 + e^-a); twin: gate.py.

   backward, with s = 1 / (1 + e^-a):
     dgate = grad * up * s * (1 + a * (1 - s))
     dup = grad * a * s

   A row of gate_up holds `width` gates, then as many ups. */

#include "number.h"

void NAME(swiglu_forward)(const number *gate_up, number *out, long rows, long width, int threads) {
  PARALLEL
  for (long row = 0; row < rows; row++) {
    const number *gate = gate_up + row * 2 * width, *up = gate + width;
    number *to = out + row * width;
    SIMD
    for (long i = 0; i < width; i++) {
      float a = load(gate[i]);
      to[i] = store(a / (1.0f + exponential(-a)) * load(up[i]));
    }
  }
}

void NAME(swiglu_backward)(const number *gate_up, const number *grad, number *out, long rows, long width, int threads) {
  PARALLEL
  for (long row = 0; row < rows; row++) {
    const number *gate = gate_up + row * 2 * width, *up = gate + width, *g = grad + row * width;
    number *dgate = out + row * 2 * width, *dup = dgate + width;
    SIMD
    for (long i = 0; i < width; i++) {
      float a = load(gate[i]), s = 1.0f / (1.0f + exponential(-a)), down = load(g[i]);
      dgate[i] = store(down * load(up[i]) * s * (1.0f + a * (1.0f - s)));
      dup[i] = store(down * a * s);
    }
  }
}
