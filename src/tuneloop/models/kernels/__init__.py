"""The decoder's operations, each with its own gradient, so that no float32 copy of an activation is kept by autograd.

Every file is complete in plain torch.  Where a C source of the same name lies beside it, that is the same operation
compiled for this machine; the torch form is its twin: the fallback, and the reference in its test.

    norm         RMSNorm, with the residual addition before it       norm.c
    heads        split into heads, norm per head, rotation           heads.c
    attention    causal attention inside packed records              attention.c   not with capped scores
    gate         SwiGLU, GeGLU                                       gate.c        SwiGLU only
    nll          loss of targets, without the matrix of all logits   nll.c         not with capped logits
    linear       a linear layer for the few rows of a step           linear.c      weights by rows, no gradient
    blocks       the same for weights laid out for answering         blocks.c      activations in float32, no gradient
    step         a whole step of generation                          step.c        as blocks; twin: decoder and cache
    lora_linear  a linear layer with LoRA on top                     -

Compiled forms are used for tensors of float32 or bfloat16 in the processor's memory (`compiled.kernel`), and only
where the library could be made and agreed with the twins (`building`, `check`); else, and with
`TUNELOOP_KERNELS=off`, torch does the work.  Nothing needs a compiler.

Gains over the twins, float32, two shared cores (AVX-512, no bfloat16 units), torch 2.13, alternating in one process,
medians of the ratios of 3 to 9 pairs; a step is forward and backward, without the optimizer:

    whole step, 5 records of about 220 tokens   6.5M full 1.27-1.32   29M full 1.18-1.25   29M LoRA 1.21-1.23
    attention   6 records of 190-330, 8 heads over 4, forward 2.7, with backward 1.9; 40 records of 32: 0.95, 1.3
    norm        1024 x 512, with backward 2.6-4.4
    heads       1024 tokens, 8 + 4 heads of 64, with backward 2.7-4.6
    gate        1024 x 1536, with backward 2.6-3.8
    nll         1024 x 8192 logits to slopes 1.7-2.2
    linear      see `linear.FEW`
"""
