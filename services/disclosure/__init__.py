"""Disclosure: publishes the catalogue and keeps the public log; it decides, charges and edits nothing."""
