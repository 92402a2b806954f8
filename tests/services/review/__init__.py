"""Proofs of review: its rules, the order of events, its database, its doors."""
