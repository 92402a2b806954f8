"""Proofs that faults lose nothing: processes and servers are killed while the center works."""
