"""The deeds of intake, one verb_object each; HTTP, broker and clock are three doors to them.

`applying` (upload, file), `window` (notice, acceptance, declining), `answering` (the applicant's own acts),
`publications` (what was published), `gathering` (what departments and fee say), `settling` (level-triggered
fan-in), `lapsing` (what silence does), `papers` (signing), `sending` (fan-out), `capability` (reading files).
"""
