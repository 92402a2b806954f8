"""Knows what may be published and how it is proved: documents, the law they must satisfy, the log. Pure, no I/O."""
