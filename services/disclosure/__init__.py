"""Disclosure: publishes the catalogue and keeps the public log; decides nothing, charges nothing, edits nothing."""
