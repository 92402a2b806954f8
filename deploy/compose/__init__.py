"""The center in containers on one machine: what compose needs beside its file, and how it is driven and proved."""
