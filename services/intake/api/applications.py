"""Filing an application."""

from __future__ import annotations

from fastapi import Response

from libs.http import Command, Person, router
from services.intake.handlers.applying import file_application
from services.intake.messages.asked import ApplicationAsked

applications = router()


@applications.post("/applications", status_code=201)
async def post_application(body: ApplicationAsked, person: Person, command: Command) -> Response:
    """File once for all departments; the signed voucher with the number is the answer, whatever is missing.

    422 invalid_facts or invalid_materials name every value that does not fit, by path.
    """
    return await command.run(lambda work: file_application(work, person, body), status=201)
