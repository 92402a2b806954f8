"""The `onewindow` command: brings a whole center up on one machine, drives its business clock, tells the story."""
