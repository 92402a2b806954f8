"""The system administrator's door, the same in every service: letters, and sending events again.

Every replay is a deed of its own, handled alone: a letter that kills the process takes no neighbour along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from opentelemetry import context as otel_context
from pydantic import BaseModel, Field

from libs import letters, resending, traces
from libs.answers import Answer
from libs.commits import Commits
from libs.deeds import Deed
from libs.http import Body, Command, CommandRunner, Person, Reader, router
from libs.refusals import ClientKeyReused, Refusal, TryAgain
from libs.work import Work

LARGEST = 2**63 - 1
Number = Annotated[int, Path(ge=1, le=LARGEST)]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
Note = Annotated[str, Field(min_length=1, max_length=500)]
_AS_IT_IS = (
    letters.LetterNotFound,
    letters.LetterUnreadable,
    letters.LetterHearable,
    ClientKeyReused,
    TryAgain,
)


class BadForm(Refusal):
    """A form that our own page did not write."""

    code = "invalid_request"
    status = 422
    title = "The request does not fit."


class LettersPage(BaseModel):
    """One page of letters, and how much waits altogether; ``dead_letter_messages`` as last looked at."""

    figures: letters.Figures
    dead_letter_messages: int
    total: int
    page: int
    letters: list[letters.LetterRow]


class Closing(Body):
    """Why text that is no event needs nobody any more."""

    note: Note


class Resending(Body):
    """The ids of events that a hearer never got."""

    ids: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=resending.MOST_AT_ONCE
    )


async def replay(request: Request, command: CommandRunner, actor: str, number: int, part: str = "") -> Answer:
    """Hear one letter again; what the database refuses is noted in a transaction of its own."""
    commits: Commits = request.app.state.commits

    def submit(run: Callable[[Work], Awaitable[Any]]) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asked = command.asked(part=part)
        came_from = traces.origin_of(otel_context.get_current())
        commits.submit(Deed("replay letter", run, done, came_from, asked=asked, alone=True))
        return done

    async def hear(work: Work) -> letters.Replayed:
        return await letters.hear_letter(work, commits.hearing, number, actor)

    try:
        answer: Answer = await submit(hear)
    except _AS_IT_IS:
        raise
    except Exception as failed:
        reason = failed

        async def note(work: Work) -> letters.Replayed:
            return await letters.note_failed(work, number, actor, reason)

        answer = await submit(note)
    return answer


async def close(command: CommandRunner, actor: str, number: int, note: str) -> Answer:
    """Close text that is no event, with the person's note."""
    return await command.answer(lambda work: letters.close_letter(work, number, actor, note))


def letter_api() -> APIRouter:
    """The routes for programs; a router of its own for each service."""
    api = router()
    api.add_api_route("/letters", list_letters, methods=["GET"])
    api.add_api_route("/letters/{number}", read_letter, methods=["GET"])
    api.add_api_route(
        "/letters/{number}/replay", replay_letter, methods=["POST"], response_model=letters.Replayed
    )
    api.add_api_route(
        "/letters/{number}/closing", close_letter, methods=["POST"], response_model=letters.Replayed
    )
    api.add_api_route("/outbox/resend", resend, methods=["POST"], response_model=resending.Resent)
    return api


async def page_of(
    request: Request, reader: Reader, state: letters.State, page: int, limit: int
) -> LettersPage:
    """What both the program's and the person's list show."""
    return LettersPage(
        figures=await letters.figures(reader),
        dead_letter_messages=request.app.state.dead_letters.depth,
        total=await letters.count(reader, state),
        page=page,
        letters=await letters.rows(reader, state, page, limit),
    )


async def list_letters(
    request: Request,
    reader: Reader,
    state: letters.State = "open",
    page: PageNumber = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> LettersPage:
    """What was set aside, newest first, and how much waits."""
    return await page_of(request, reader, state, page, limit)


async def read_letter(number: Number, reader: Reader) -> letters.Letter:
    """One letter: its text, why it was set aside, who heard it again and what came of it."""
    return await letters.read(reader, number)


async def replay_letter(request: Request, number: Number, person: Person, command: Command) -> Response:
    """Hear it again in a normal transaction; what is settled stays settled."""
    answer = await replay(request, command, person.sub, number)
    return Response(answer.body, answer.status, media_type="application/json")


async def close_letter(number: Number, body: Closing, person: Person, command: Command) -> Response:
    """Settle text that is no event, with a note; an event cannot be closed."""
    answer = await close(command, person.sub, number, body.note)
    return Response(answer.body, answer.status, media_type="application/json")


async def resend(request: Request, body: Resending, person: Person, command: Command) -> Response:
    """Send these events again as they stand in the outbox; hearers that have them recognise them."""
    rows: list[Any] = []

    async def deed(work: Work) -> resending.Resent:
        rows.extend(await resending.send_again(work, body.ids))
        return resending.Resent(asked=len(body.ids), resent=len(rows))

    answer = await command.run(deed)
    if rows:  # none for a key that was answered before
        resending.note(rows, person.sub)
        request.app.state.service.relay.offer(rows)
    return answer
