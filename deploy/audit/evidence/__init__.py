"""The audit's own arithmetic: working days, tariffs, conditions and the Merkle tree, written a third time."""
