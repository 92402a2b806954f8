"""What happened, read back through the services' own doors and printed as tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.launcher.story.acts import WINDOW, Story
from libs.deadlines import Calendars, legal_day, used_wd
from libs.envelope import parse_instant

WIDE = 110  # columns that the names of the items need; below it their codes stand
ENDED = ("delivered", "declined", "withdrawn")


async def read_cases(story: Story) -> list[dict[str, Any]]:
    """Every filed case as the window sees it."""
    return [await story.cast.read(WINDOW, story.case_url(number)) for number in sorted(story.case_ids)]


async def print_report(story: Story, calendars: Calendars, ended_at: datetime, console: Console) -> bool:
    """Print the tables; False when an act was refused unexpectedly, or nothing was decided."""
    cases = await read_cases(story)
    console.print(_items(story, calendars, cases, wide=console.width >= WIDE))
    console.print(_fees(await _bills(story)))
    cards = await _pages(story, "supervisor-01", f"{story.cast.site('supervision')}/api/cards", "rows")
    findings = await _pages(story, "supervisor-01", f"{story.cast.site('supervision')}/api/findings", "rows")
    console.print(_cards(cards))
    for finding in findings:
        console.print(
            f"finding {finding['finding_no']}: {finding['rule']} "
            f"expected {finding['expected']}, found {finding['found']}"
        )
    still_open = [case for case in cases if case["state"] not in ENDED]
    for case in still_open:
        why = ", ".join(sorted({reason["kind"] for reason in case["waits_for"]})) or "nothing"
        console.print(f"still open: {case['application_no']} {case['item_name']['en']}: waits for {why}")
    checkpoint = await story.cast.text(f"{story.cast.site('disclosure')}/log/checkpoint")
    origin, size, root = checkpoint.splitlines()[:3]
    console.print(f"public log {origin}: {size} leaves, root {root}")
    console.print(
        f"{len(cases)} applications, {story.cast.acts} acts, {story.cast.retries} sent again with the same key; "
        f"business time ended {ended_at:%Y-%m-%d %H:%M}Z"
    )
    for note in story.notes:
        console.print(f"[bold red]unexpected[/]: {note}")
    decided = sum(1 for case in cases if case["decision"])
    return not story.notes and decided > 0


async def _pages(story: Story, person: str, url: str, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, 1000):
        rows = (await story.cast.read(person, f"{url}?limit=100&page={page}"))[member]
        found += rows
        if len(rows) < 100:
            break
    return found


async def _bills(story: Story) -> list[dict[str, Any]]:
    url = f"{story.cast.site('fee')}/api/bills?limit=100"
    found: list[dict[str, Any]] = []
    following: str | None = ""
    while following is not None:
        answer = await story.cast.read("finance-01", url + (f"&before={following}" if following else ""))
        found += answer["bills"]
        following = answer["next"]
    return found


def _items(story: Story, calendars: Calendars, cases: Iterable[dict[str, Any]], *, wide: bool) -> Table:
    title = "Items: what became of the applications, and working days promised and used (mean, most)"
    table = Table(title=title, title_justify="left", padding=0)
    table.add_column("item", no_wrap=True, max_width=36)
    for column in (
        "filed", "granted", "refused", "corrected", "deemed accepted", "declined", "withdrawn", "open",
        "promised", "used",
    ):  # fmt: skip
        table.add_column(column, justify="right", no_wrap=column == "used", overflow="fold")
    by_item: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in cases:
        by_item[case["item_code"]].append(case)
    for code, filed in sorted(by_item.items()):
        counts = Counter(_outcome(case) for case in filed)
        used = [_used(calendars, case) for case in filed if case["decision"] and case["accepted_at"]]
        figures = f"{sum(used) / len(used):.1f}, {max(used)}" if used else "–"
        table.add_row(
            story.items[code]["name"]["en"] if wide else code,
            str(len(filed)), str(counts["granted"]), str(counts["refused"]),
            str(sum(1 for case in filed if case["correction"])),
            str(sum(1 for case in filed if case["mode"] == "deemed")),
            str(counts["declined"]), str(counts["withdrawn"]), str(counts["open"]),
            str(story.items[code]["limits"]["promised_wd"]), figures,
        )  # fmt: skip
    return table


def _outcome(case: dict[str, Any]) -> str:
    if case["state"] in ("declined", "withdrawn"):
        return str(case["state"])
    if case["decision"]:
        return str(case["decision"]["decision"])
    return "open"


def _used(calendars: Calendars, case: dict[str, Any]) -> int:
    accepted: date = legal_day(parse_instant(case["accepted_at"]))
    return used_wd(calendars, accepted, legal_day(parse_instant(case["decision"]["decided_at"])))


def _yuan(fen: int) -> str:
    return f"¥{fen / 100:,.2f}"


def _fees(bills: Iterable[dict[str, Any]]) -> Table:
    table = Table(title="Fees: assessed and paid, by published standard", title_justify="left")
    for column in ("standard", "bills", "assessed", "paid", "cancelled"):
        table.add_column(column, justify="left" if column == "standard" else "right")
    by_tariff: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for bill in bills:
        by_tariff[f"{bill['tariff_code']} v{bill['tariff_version']}"].append(bill)
    for tariff, listed in sorted(by_tariff.items()):
        paid = sum(bill["total_fen"] for bill in listed if bill["state"] == "paid")
        cancelled = sum(1 for bill in listed if bill["state"] == "cancelled")
        assessed = sum(bill["total_fen"] for bill in listed)
        table.add_row(tariff, str(len(listed)), _yuan(assessed), _yuan(paid), str(cancelled))
    return table


def _cards(cards: Iterable[dict[str, Any]]) -> Table:
    table = Table(title="Cards: who was late, by supervision's own clock", title_justify="left")
    for column in ("card", "colour", "agency", "clock", "application", "due", "crossed"):
        table.add_column(column, no_wrap=True)
    for card in sorted(cards, key=lambda each: str(each["crossed_at"])):
        table.add_row(
            card["card_no"], card["colour"], card["agency"], card["clock_kind"], card["application_no"],
            card["due_on"], card["crossed_at"][:10],
        )  # fmt: skip
    return table
