"""Proofs about the whole flow, over a whole center."""
