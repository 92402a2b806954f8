"""What people and programs ask of intake: strict bodies, unknown members refused, every length bounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from libs.http import Body

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_TEXT, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_TEXT, strip_whitespace=True)]


class LocalTextAsked(Body):
    """The same text in Chinese and English."""

    zh: Line
    en: Line


class ApplicantAsked(Body):
    """What the applicant is; who it is, the login says."""

    kind: Literal["natural", "legal", "other"]


class MaterialAsked(Body):
    """A file uploaded before, attached to one line of the item's list."""

    code: Code
    sha256: Sha256
    name: Line


class ApplicationAsked(Body):
    """An application. ``item_version`` may be left out: then the version in force today is meant.

    ``on_behalf_of`` is for window officers only: the login of the person in front of them, whose case it is.
    """

    item_code: Code
    item_version: int | None = Field(default=None, ge=1)
    applicant: ApplicantAsked
    facts: dict[str, Any] = Field(max_length=200)
    materials: list[MaterialAsked] = Field(default_factory=list, max_length=100)
    on_behalf_of: Line | None = None


class DefectAsked(Body):
    """One defect the window found itself."""

    target: Code
    what: Text
    article: Line = "AL 32(1)(4)"


class CorrectionRequestAsked(Body):
    """The one-time notice; what is missing and what departments reported is added by itself."""

    defects: list[DefectAsked] = Field(default_factory=list, max_length=100)


class AcceptanceAsked(Body):
    """Accepting needs no words."""


class DeclineAsked(Body):
    """Refusing at the window: why, and who is competent instead."""

    reason_code: Literal["not_needed", "not_competent", "not_corrected"]
    reason: Text
    right_agency: LocalTextAsked | None = None


class ReplyAsked(Body):
    """Words in answer to one defect."""

    no: int = Field(ge=1, le=1000)
    answer: Text


class CorrectionAsked(Body):
    """The answer to the notice: new answers, new files, words, each only for a listed defect."""

    facts: dict[str, Any] = Field(default_factory=dict, max_length=200)
    materials: list[MaterialAsked] = Field(default_factory=list, max_length=100)
    answers: list[ReplyAsked] = Field(default_factory=list, max_length=100)


class WithdrawalAsked(Body):
    """Taking back needs no reason."""


class DeliveryAsked(Body):
    """The document is in the person's hands."""
