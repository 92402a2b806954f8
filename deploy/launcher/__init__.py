"""The `onewindow` command: a whole center on one machine, its business clock, its story."""
