"""The decoder's operations, each with its own gradient, so that no float32 copy of an activation is kept by autograd.

Every file is complete in plain torch.  Where a C source of the same name lies beside it, that is the same operation
compiled for this machine; the torch form is its twin: the fallback and the reference in its test.
"""
