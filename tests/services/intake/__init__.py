"""Proofs about intake."""
