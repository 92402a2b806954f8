"""Brings words.en.po of the folders named up to date and says which texts have no English yet.

``python -m libs.pages services/intake/pages``; exits 1 while a text is missing.
"""

import sys
from pathlib import Path

from libs.pages.words import sync

left = [(folder, text) for folder in sys.argv[1:] for text in sync(Path(folder))]
for folder, text in left:
    print(f"{folder}/words.en.po: no English yet: {text}")
sys.exit(1 if left else 0)
