"""Server-rendered pages: one frame, one kit of parts, two languages, no script. See README.md here.

A service makes one ``Pages`` and calls ``render``; templates import ``kit.html``. Supervision uses this room
too, so nothing here may import ``libs.deadlines`` or know how a limit or a charge is computed.
"""

from libs.pages.forms import FieldError, Form, form_errors
from libs.pages.rendering import Nav, Pages
from libs.pages.words import mark

__all__ = ["FieldError", "Form", "Nav", "Pages", "form_errors", "mark"]
