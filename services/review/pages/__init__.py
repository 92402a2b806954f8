"""What a department's people see: their desk (queue by due day) and one task with its forms."""

from services.review.pages.desk import desk
from services.review.pages.kit import PAGES
from services.review.pages.task import tasks

__all__ = ["PAGES", "desk", "tasks"]
