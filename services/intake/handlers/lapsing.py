"""What silence does: the window's silence accepts, the applicant's silence has the published effect."""

from __future__ import annotations

from libs.work import Work
from services.intake.domain.acceptance import acceptance_mode
from services.intake.handlers.known import item_of, known_calendars
from services.intake.handlers.sending import send_acceptance
from services.intake.handlers.window import send_decline
from services.intake.storage import CASES
from services.intake.storage.due import MOVABLE, SILENT

MOST_AT_ONCE = 100
NOT_ANSWERED = "补正通知期满未答复 · The notice was not answered within its period"


async def lapse_silence(work: Work) -> int:
    """Act on every case whose period has ended without an act; returns how many there were."""
    rows = await work.rows(SILENT, now=work.now, limit=MOST_AT_ONCE)
    for case in await work.load(CASES, [(row.case_id,) for row in rows]):
        if case.acts_at is None or case.acts_at > work.now:
            continue  # somebody acted earlier in this same transaction
        work.continue_trace(case.traceparent)
        item = await item_of(work, case)
        if case.state == "correction_requested":
            await send_decline(work, case, item, "not_corrected", NOT_ANSWERED, None, None)
        else:
            # AL 32(1)(4): no notice in time, so accepted since receipt; AL 32(1)(5): corrected, so accepted.
            send_acceptance(
                work, case, item, acceptance_mode(case, [], work.now), await known_calendars(work), None
            )
    return len(rows)


async def sweep_movable(work: Work) -> int:
    """Have every case settled that could move by its stored rows, in case anything ever kept it from
    moving."""
    for row in await work.rows(MOVABLE, limit=MOST_AT_ONCE):
        work.touch(row.case_id)
    return 0
