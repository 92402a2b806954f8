"""Tables and named queries of intake; the only SQL of the service.

Records: CASES, REVIEWS and CHECKS (one row per department), ITEMS, CALENDARS, RULES, PROOFS.
Append-only, by grant and by trigger: MATERIALS (the files), DOCUMENTS (every signed paper of a case) and
TIMELINE (what happened, and who did it). Queries for readers are in `queries`, the clock's in `due`.
"""

from services.intake.storage.tables import (
    CALENDARS,
    CASES,
    CHECKS,
    DOCUMENTS,
    ITEMS,
    MATERIALS,
    METADATA,
    PROOFS,
    REVIEWS,
    RULES,
    TIMELINE,
    CalendarYear,
    KeptItem,
    KeptRule,
    Proof,
    next_day_due,
)

__all__ = [
    "CALENDARS",
    "CASES",
    "CHECKS",
    "DOCUMENTS",
    "ITEMS",
    "MATERIALS",
    "METADATA",
    "PROOFS",
    "REVIEWS",
    "RULES",
    "TIMELINE",
    "CalendarYear",
    "KeptItem",
    "KeptRule",
    "Proof",
    "next_day_due",
]
