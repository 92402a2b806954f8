"""The door for people and programs: publish the catalogue, read it, read the log and check it."""

from services.disclosure.api.catalogue import catalogue
from services.disclosure.api.log import log
from services.disclosure.api.records import records

__all__ = ["catalogue", "log", "records"]
