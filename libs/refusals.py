"""The domain refuses loudly: every refusal has a stable code and a place in RFC 9457 problem details."""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """A request or event that the rules do not allow.

    Subclasses are named for the rule and set ``code`` (stable, snake_case, shown to people, logged and
    counted), ``status`` (HTTP) and ``title`` (one short sentence). ``extra`` becomes further members of
    the problem document and must be JSON.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The request is not allowed."

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.extra = extra

    def problem(self) -> dict[str, Any]:
        """The problem document without its trace id, which the door adds."""
        document = {"type": "about:blank", "title": self.title, "status": self.status, "code": self.code}
        if self.detail:
            document["detail"] = self.detail
        return {**document, **self.extra}


class NotFound(Refusal):
    """Missing, or not yours: the two look exactly alike."""

    code = "not_found"
    status = 404
    title = "Nothing is here under this address."


class ClientKeyMissing(Refusal):
    """A command without the client's own key could not be retried safely."""

    code = "client_key_missing"
    status = 400
    title = "Send an Idempotency-Key of 8 to 128 visible characters with every command."


class ClientKeyReused(Refusal):
    """The same key may only ever carry the same request."""

    code = "client_key_reused"
    status = 422
    title = "This Idempotency-Key was already used for a different request."


class TryAgain(Refusal):
    """Nothing was done; the same request with the same key may be sent again."""

    code = "try_again"
    status = 503
    title = "The service cannot write at the moment. Send the same request again with the same key."


class Conflict(Refusal):
    """The database's own constraints refused the effect."""

    code = "conflict"
    status = 409
    title = "The stored facts do not allow this."


class Park(Exception):
    """A predecessor has not come yet: keep the event and try again when ``waits_for`` is touched."""

    def __init__(self, waits_for: str) -> None:
        super().__init__(waits_for)
        self.waits_for = waits_for
