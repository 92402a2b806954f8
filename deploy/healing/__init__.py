"""Finds deliveries that a queue lost, by comparing outboxes with inboxes, and has them sent again."""

from deploy.healing.comparison import Comparison, Lost
from deploy.healing.desk import Desk, Unreached
from deploy.healing.healer import Healer, Round

__all__ = ["Comparison", "Desk", "Healer", "Lost", "Round", "Unreached"]
