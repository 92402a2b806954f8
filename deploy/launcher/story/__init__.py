"""The demonstration's story: sixty applications on a faster clock; every act is that person's HTTP request."""

from deploy.launcher.story.play import run

__all__ = ["run"]
