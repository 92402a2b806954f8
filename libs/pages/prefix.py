"""Shows a service below a path of somebody else's address: its own addresses get that path in front.

Templates and handlers write addresses from the root ("/cases"); the gateway takes the path off again. Text of
people cannot be mistaken for an address of ours: in HTML their quotation marks are escaped.
"""

from __future__ import annotations

import re

_OWN = re.compile(r'(?P<name>\b(?:href|action|src))="(?P<path>/(?!/)[^"]*)"')


def below(prefix: str, path: str) -> str:
    """An address of ours as the outside sees it; what is below the path already, or another site's, stays."""
    if not prefix or not path.startswith("/") or path.startswith("//"):
        return path
    inside = path == prefix or path.startswith((f"{prefix}/", f"{prefix}?", f"{prefix}#"))
    return path if inside else prefix + path


def html_below(prefix: str, html: str) -> str:
    """A finished page whose links, forms and pictures are below the path."""
    if not prefix:
        return html
    return _OWN.sub(lambda found: f'{found["name"]}="{below(prefix, found["path"])}"', html)
