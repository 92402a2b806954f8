"""What fee is told from outside, beside what every service is told."""

from __future__ import annotations

from typing import Literal

from libs.settings import ServiceSettings


class FeeSettings(ServiceSettings):
    """Settings of fee.

    payment_channel: "demonstration" lets applicants settle a bill on its page without money; "bank" leaves
    payment to the payment channel's own account alone.
    reference_secret: the center's secret by which a login becomes an opaque reference; intake has the same.
    """

    reference_secret: str = ""

    payment_channel: Literal["bank", "demonstration"] = "bank"
