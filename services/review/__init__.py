"""Review: one department's examination, its signed opinion and, where it leads, its signed decision."""
