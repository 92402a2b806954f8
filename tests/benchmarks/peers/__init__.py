"""What a user would pick instead, written as its documentation recommends; runs in an environment of its own.

Every module here is a program: ``python -m tests.benchmarks.peers.<name> orders.json`` runs the standard workload
once and prints one line of JSON. Nothing here imports the product.
"""
