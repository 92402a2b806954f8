"""Writes what follows from the story and the speakers' messages, and checks that what is committed still follows."""
