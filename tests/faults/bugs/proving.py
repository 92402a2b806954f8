def prove_bugs(folder):
    return []
