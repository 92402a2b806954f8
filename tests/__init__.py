"""Proofs, by what they prove."""
