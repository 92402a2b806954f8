"""Knows what may be published and how it is proved: documents, their law, the log. Pure, no I/O."""
