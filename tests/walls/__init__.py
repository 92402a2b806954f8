"""Proofs about the shape of the code: walls are tests, and every wall is seen to stop a planted breach."""
