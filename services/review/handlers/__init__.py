"""The deeds of a department: what it does on what it hears, and on what its people ask."""
