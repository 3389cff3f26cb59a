/* Negative log-likelihood of one target per row of logits, and its gradient; twin: nll.py.

     nats = log(sum(e^(logits - max))) + max - logits[target]
     logits <- e^(logits - max) / sum - onehot(target)           in place, where wanted
     hits = logits[target] is the maximum                        where wanted: `hits` may be null */

#include "number.h"
#include <math.h>

void NAME(nll_rows)(number *logits, const int64_t *targets, float *nats, uint8_t *hits, long rows, long vocabulary,
                    int slopes, int threads) {
  PARALLEL
  for (long row = 0; row < rows; row++) {
    number *x = logits + row * vocabulary;
    float most = load(x[0]), sum = 0, aimed = load(x[targets[row]]);
    SIMD_MAX(most)
    for (long i = 0; i < vocabulary; i++) {
      float one = load(x[i]);
      most = one > most ? one : most;
    }
    if (hits) hits[row] = aimed >= most;
#ifdef KIND_bfloat16 /* e^x rounded to bfloat16 would spoil the sum: made twice instead of kept */
    SIMD_SUM(sum)
    for (long i = 0; i < vocabulary; i++) sum += exponential(load(x[i]) - most);
    float share = 1.0f / sum;
    if (slopes)
      SIMD for (long i = 0; i < vocabulary; i++) x[i] = store(exponential(load(x[i]) - most) * share);
#else
    if (slopes) {
      SIMD_SUM(sum)
      for (long i = 0; i < vocabulary; i++) {
        float one = exponential(x[i] - most);
        x[i] = one;
        sum += one;
      }
      float share = 1.0f / sum;
      SIMD
      for (long i = 0; i < vocabulary; i++) x[i] *= share;
    } else {
      SIMD_SUM(sum)
      for (long i = 0; i < vocabulary; i++) sum += exponential(x[i] - most);
    }
#endif
    nats[row] = logf(sum) + most - aimed;
    if (slopes) x[targets[row]] = store(exponential(aimed - most) / sum - 1.0f);
  }
}
