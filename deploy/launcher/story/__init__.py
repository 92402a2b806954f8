"""The demonstration's story: sixty applications on a faster clock, every act an HTTP request with that person's token."""

from deploy.launcher.story.play import run

__all__ = ["run"]
