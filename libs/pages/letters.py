"""Letters as a page, the same in every service: what was set aside, one letter, hear it again, hear all again."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ValidationError

from libs import letter_door, letters
from libs.http import PageCommand, PagePerson, Reader, page_router
from libs.pages.forms import Form
from libs.pages.rendering import Pages
from libs.pages.words import mark
from libs.refusals import Refusal

PAGE_ROWS = 20
PARKED_ROWS = 20
MOST_AT_ONCE = 200  # of "hear all again": the page says how many are left

# The broker's and the backbone's codes in words; a refusal's own code is shown as it is.
CODES = {
    "unknown_event": mark("不认识这种事件：收件方的版本比说话方旧"),
    "bad_content": mark("内容与收件方的理解不符"),
    "handler_failed": mark("处理程序出错"),
    "effect_refused": mark("数据库不接受处理结果"),
    "kills_its_handler": mark("每次处理它，进程都死了"),
    "delivery_limit": mark("多次投递都没有处理成，消息代理放弃了"),
    "unreadable": mark("不是事件"),
}
OUTCOMES = {
    "handled": ("done", mark("已处理")),
    "parked": ("wait", mark("等前一个事件")),
    "failed": ("over", mark("又失败了")),
    "known": ("done", mark("此前已处理过")),
    "closed": ("done", mark("已关闭")),
}


class _All(BaseModel):
    up_to: int


class _Closing(BaseModel):
    note: letter_door.Note


def letter_pages(pages: Pages) -> APIRouter:
    """The routes of one service's letters, drawn with its own frame."""
    router, door = page_router(), _LetterPages(pages)
    router.add_api_route("/letters", door.list, methods=["GET"])
    router.add_api_route("/letters/replay", door.confirm, methods=["GET"])
    router.add_api_route("/letters/replay", door.replay_all, methods=["POST"])
    router.add_api_route("/letters/{number}", door.letter, methods=["GET"])
    router.add_api_route("/letters/{number}/replay", door.replay, methods=["POST"])
    router.add_api_route("/letters/{number}/closing", door.close, methods=["POST"])
    return router


class _LetterPages:
    """What the routes do; every act ends in a redirect, so that a reload repeats nothing."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def _render(self, request: Request, template: str, person: Any, **context: Any) -> HTMLResponse:
        return self._pages.render(
            request, template, person=person, section="letters", codes=CODES, outcomes=OUTCOMES,
            may_replay=person.may("system_administrator"), house=request.app.state.service.name, **context,
        )  # fmt: skip

    async def list(
        self,
        request: Request,
        person: PagePerson,
        reader: Reader,
        state: letters.State = "open",
        page: letter_door.PageNumber = 1,
        heard: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        failed: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> HTMLResponse:
        """Letters, newest first; what waits for a predecessor; how full the dead-letter queue is."""
        shown = await letter_door.page_of(request, reader, state, page, PAGE_ROWS)
        parked = await letters.parked(reader, PARKED_ROWS)
        return self._render(
            request, "letters.html", person, shown=shown, parked=parked, state=state, size=PAGE_ROWS,
            heard=heard, failed=failed,
        )  # fmt: skip

    async def letter(
        self, request: Request, number: letter_door.Number, person: PagePerson, reader: Reader
    ) -> HTMLResponse:
        """One letter with its text and what people did with it."""
        return await self._letter(request, number, person, reader, None)

    async def _letter(
        self, request: Request, number: int, person: Any, reader: Any, form: Form | None
    ) -> HTMLResponse:
        letter = await letters.read(reader, number)
        return self._render(
            request, "letter.html", person, letter=letter, text=_indented(letter.body), form=form,
            hearable=letter.code != letters.NO_EVENT, status=422 if form else 200,
        )  # fmt: skip

    async def replay(
        self, request: Request, number: letter_door.Number, person: PagePerson, command: PageCommand
    ) -> Response:
        """Hear one letter again."""
        await letter_door.replay(request, command, person.sub, number)
        return RedirectResponse(f"/letters/{number}", 303)

    async def close(
        self,
        request: Request,
        number: letter_door.Number,
        person: PagePerson,
        command: PageCommand,
        reader: Reader,
    ) -> Response:
        """Close text that is no event."""
        typed = await request.form()
        try:
            note = _Closing.model_validate({"note": str(typed.get("note", "")).strip()}).note
            await letter_door.close(command, person.sub, number, note)
        except (Refusal, ValidationError) as reason:
            return await self._letter(request, number, person, reader, Form.kept(typed, reason))
        return RedirectResponse(f"/letters/{number}", 303)

    async def confirm(self, request: Request, person: PagePerson, reader: Reader) -> HTMLResponse:
        """Ask before everything is heard again, and say how much that is."""
        numbers = await letters.hearable(reader, letter_door.LARGEST, MOST_AT_ONCE)
        left = await letters.count_hearable(reader) - len(numbers)
        return self._render(request, "letters_replay.html", person, numbers=numbers, left=left)

    async def replay_all(
        self, request: Request, person: PagePerson, command: PageCommand, reader: Reader
    ) -> Response:
        """Hear again what the person was asked about; one after the other, each on its own."""
        typed = await request.form()
        try:
            up_to = min(_All.model_validate(dict(typed)).up_to, letter_door.LARGEST)
        except ValidationError as wrong:
            raise letter_door.BadForm() from wrong
        told = {"heard": 0, "failed": 0}
        for number in await letters.hearable(reader, up_to, MOST_AT_ONCE):
            answer = await letter_door.replay(request, command, person.sub, number, part=f"#{number}")
            told["failed" if json.loads(answer.body)["outcome"] == "failed" else "heard"] += 1
        return RedirectResponse(f"/letters?heard={told['heard']}&failed={told['failed']}", 303)


def _indented(body: str) -> str:
    """The text as one reads it; what is no JSON stays as it came."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body
