"""A small recorded center for tests: seven cases from form to log, consistent in every book.

What each service would have said is written down with the watched side's own libraries (`libs.deadlines`,
fee's evaluator, disclosure's tree), so that supervision and the audit are held against them.
"""

from tests.audit.center.record import Recording, local
from tests.audit.center.story import CARDS, NOW, recorded

__all__ = ["CARDS", "NOW", "Recording", "local", "recorded"]
