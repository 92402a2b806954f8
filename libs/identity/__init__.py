"""Who somebody is and what they may do: tokens, logins, functions, and the access matrix."""

from libs.identity.finder import PersonFinder
from libs.identity.login import login_router
from libs.identity.person import ROLES, ClaimNames, Person, person_from
from libs.identity.tokens import InvalidToken, TokenVerifier

__all__ = [
    "ROLES",
    "ClaimNames",
    "InvalidToken",
    "Person",
    "PersonFinder",
    "TokenVerifier",
    "login_router",
    "person_from",
]
