"""The door for people and programs: the queue, a task, its materials; defects, opinion and decision."""

from services.review.api.acts import acts
from services.review.api.reading import reading

__all__ = ["acts", "reading"]
