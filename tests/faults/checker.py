"""Judges a round from what the databases hold and what the clients were told; shares no code with libs.

Lost, phantom, applied twice, early, dishonest, stuck: each is a list of sentences, and each must be empty.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import yaml

Row = Mapping[str, Any]
STORY = Path(__file__).resolve().parents[2] / "contracts" / "flow.yaml"
KINDS = ("lost", "phantom", "twice", "early", "dishonest", "stuck")


@dataclass
class Books:
    """What one database holds."""

    outbox: list[Row]
    inbox: list[Row]
    effects: list[Row]
    set_aside: list[Row]
    parked: list[Row]
    answers: list[Row]
    cases: list[Row]


@dataclass
class Verdict:
    """Breaches by kind, and how much was looked at."""

    breaches: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    counted: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def clean(self) -> bool:
        """No breach of any kind."""
        return not any(self.breaches.values())


_TABLES = {
    "outbox": "SELECT id, type, source, subject, department, body, said_at, unsent.seq IS NULL AS is_sent FROM outbox "
    "LEFT JOIN unsent USING (seq) ORDER BY seq",
    "inbox": "SELECT source, id, type, subject, state FROM inbox",
    "effects": "SELECT event_id, case_id, type FROM effects",
    "set_aside": "SELECT id, type, body, code FROM set_aside WHERE settled_at IS NULL",
    "parked": "SELECT id, type FROM parked",
    "answers": "SELECT client_key, body, status FROM answers",
    "cases": "SELECT case_id, body FROM cases",
}


async def read(databases: Mapping[str, str]) -> dict[str, Books]:
    """Everything, one transaction per database."""

    async def one(url: str) -> Books:
        connection = await asyncpg.connect(url, timeout=15)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return Books(**{name: await connection.fetch(sql) for name, sql in _TABLES.items()})
        finally:
            await connection.close()

    found = await asyncio.gather(*(one(url) for url in databases.values()))
    return dict(zip(databases, found, strict=True))


class Story:
    """Who hears what, read from the story once more."""

    def __init__(self, departments: Iterable[str]) -> None:
        self._steps = {step["event"]: step for step in yaml.safe_load(STORY.read_text())["steps"]}
        self._departments = list(departments)

    def hearers(self, row: Row) -> list[str]:
        """The databases an outbox row must have reached."""
        step = self._steps[row["type"]]
        found: list[str] = []
        for service in step["heard_by"]:
            if service != "review":
                found.append(service)
            elif "sent_to" in step:
                found.append(f"review_{row['department']}")
            else:
                found += [f"review_{each}" for each in self._departments]
        return found


def judge(
    books: Mapping[str, Books], history: list[Row], expected: list[dict[str, str]], departments: Iterable[str]
) -> Verdict:
    """All checks on one reading."""
    verdict = Verdict()
    story = Story(departments)
    poisoned = {each["number"] for each in expected if "number" in each}
    _delivery(verdict, books, story, {each["id"] for each in expected if "id" in each})
    _once(verdict, books)
    _cases(verdict, books, poisoned)
    _answers(verdict, books["intake"], history)
    _aside(verdict, books, expected)
    return verdict


def _delivery(verdict: Verdict, books: Mapping[str, Books], story: Story, injected: set[str]) -> None:
    heard = {name: {(row["source"], row["id"]) for row in each.inbox} for name, each in books.items()}
    said: dict[tuple[str, str], set[str]] = {}
    for name, each in books.items():
        for row in each.outbox:
            said[(row["source"], row["id"])] = set(story.hearers(row))
            verdict.counted["events said"] += 1
            if not row["is_sent"]:
                verdict.breaches["stuck"].append(f"{name}: {row['type']} {row['id']} is not sent")
    for identity, hearers in said.items():
        for hearer in hearers:
            verdict.counted["deliveries"] += 1
            if identity not in heard[hearer]:
                verdict.breaches["lost"].append(f"{hearer} never heard {identity}")
    for name, identities in heard.items():
        for identity in identities - {each for each, hearers in said.items() if name in hearers}:
            if identity[1] not in injected:
                verdict.breaches["phantom"].append(f"{name} heard {identity}, which nobody said to it")


def _once(verdict: Verdict, books: Mapping[str, Books]) -> None:
    for name, each in books.items():
        effects = Counter(row["event_id"] for row in each.effects)
        verdict.counted["effects"] += len(each.effects)
        for event_id, times in effects.items():
            if times != 1:
                verdict.breaches["twice"].append(f"{name}: {event_id} took effect {times} times")
        for row in each.inbox:
            if row["state"] == "handled" and row["id"] not in effects:
                verdict.breaches["lost"].append(f"{name}: {row['type']} {row['id']} took no effect")
        heard = Counter(row["id"] for row in each.inbox)
        verdict.breaches["twice"] += [f"{name} heard {i} twice" for i, n in heard.items() if n != 1]


def _cases(verdict: Verdict, books: Mapping[str, Books], poisoned: set[str]) -> None:
    intake = books["intake"]
    said: dict[str, list[Row]] = defaultdict(list)
    for each in books.values():
        for row in each.outbox:
            said[row["subject"]].append({**row, "data": json.loads(row["body"])["data"]})
    for row in intake.cases:
        case = json.loads(row["body"])
        verdict.counted["cases"] += 1
        events = said[row["case_id"]]
        asked = [e["department"] for e in events if e["type"] == "intake.review_requested.v1"]
        if sorted(asked) != sorted(case["departments"]):
            verdict.breaches["lost"].append(f"case {row['case_id']} asked {asked}, not {case['departments']}")
        per_kind = Counter((e["type"], e["source"]) for e in events if e["type"] in _ONE_PER_CASE)
        for (event_type, source), times in per_kind.items():
            if times != 1:
                verdict.breaches["twice"].append(
                    f"{source} said {event_type} {times} times of {row['case_id']}"
                )
        if str(case["number"]) in poisoned:
            verdict.counted["poisoned cases"] += 1
            if case["decided"]:
                verdict.breaches["early"].append(f"the poisoned case {row['case_id']} is decided")
        else:
            _decided(verdict, case, events)


_ONE_PER_CASE = (
    "intake.application_accepted.v1", "review.opinion_given.v1", "intake.decision_made.v1",
    "fee.charge_assessed.v1", "fee.payment_received.v1", "supervision.card_issued.v1",
)  # fmt: skip


def _decided(verdict: Verdict, case: dict[str, Any], events: list[Row]) -> None:
    number = case["case_id"]
    ends = {name: case[name] for name in ("charged", "paid", "published", "cards")}
    if not case["decided"] or ends != {"charged": 1, "paid": 1, "published": 3, "cards": 1}:
        verdict.breaches["stuck"].append(f"case {number} ended as {case['decided']} {ends}")
    opinions = {e["id"]: e for e in events if e["type"] == "review.opinion_given.v1"}
    for decision in (e for e in events if e["type"] == "intake.decision_made.v1"):
        verdict.counted["decisions"] += 1
        relied: dict[str, str] = decision["data"]["opinions"]
        if sorted(relied) != sorted(case["departments"]):
            verdict.breaches["early"].append(f"case {number} decided on the opinions of {sorted(relied)}")
        for department, event_id in relied.items():
            opinion = opinions.get(event_id)
            if opinion is None or opinion["source"] != f"review/{department}":
                verdict.breaches["early"].append(f"case {number} decided on {event_id}, no such opinion")
            elif opinion["said_at"] > decision["said_at"]:
                verdict.breaches["early"].append(f"case {number} decided before {department} spoke")


def _answers(verdict: Verdict, intake: Books, history: list[Row]) -> None:
    """What was answered is so; one key, one effect, the same bytes; what was not answered is whole or absent."""
    kept = {row["client_key"]: row for row in intake.answers}
    by_number: dict[int, list[str]] = defaultdict(list)
    for row in intake.cases:
        by_number[json.loads(row["body"])["number"]].append(row["case_id"])
    asked = {line["key"]: line["body"] for line in history if line.get("phase") == "invoke"}
    told = [line for line in history if line.get("phase") in ("ok", "again")]
    verdict.counted["answers"] = len(told)
    for line in told:
        key, answer = line["key"], json.loads(line["answer"])
        if key not in kept or kept[key]["body"] != line["answer"]:
            verdict.breaches["dishonest"].append(f"{key} was answered other bytes than are kept")
        found = by_number[asked[key]["number"]]
        if found != [answer["case_id"]] or answer["departments"] != asked[key]["departments"]:
            verdict.breaches["dishonest"].append(f"{key} was answered {answer['case_id']}; there is {found}")
    open_ended = [line["key"] for line in history if line.get("phase") == "info"]
    for key, body in asked.items():
        found = by_number[body["number"]]
        if len(found) > 1:
            verdict.breaches["twice"].append(f"{key} opened {len(found)} cases")
        if (key in kept) != bool(found):
            verdict.breaches["dishonest"].append(f"{key}: answer kept is {key in kept}, case is {found}")
    verdict.counted["unknown, found done"] = sum(bool(by_number[asked[key]["number"]]) for key in open_ended)
    verdict.counted["unknown, found absent"] = len(open_ended) - verdict.counted["unknown, found done"]
    invoked = {body["number"] for body in asked.values()}
    strangers = [number for number, found in by_number.items() if found and number not in invoked]
    verdict.breaches["phantom"] += [f"case {number} was never asked for" for number in strangers]


def _aside(verdict: Verdict, books: Mapping[str, Books], expected: list[dict[str, str]]) -> None:
    """Set aside is exactly what was injected, and nothing is parked."""
    met: set[int] = set()
    for name, each in books.items():
        verdict.breaches["stuck"] += [f"{name}: {row['type']} {row['id']} is parked" for row in each.parked]
        for row in each.set_aside:
            found = [i for i, wanted in enumerate(expected) if _is(name, row, wanted)]
            met.update(found)
            if not found:
                verdict.breaches["lost"].append(f"{name} set {row['type']} {row['id']} aside: {row['code']}")
    for index, wanted in enumerate(expected):
        verdict.counted["set aside"] += index in met
        if index not in met:
            verdict.breaches["lost"].append(f"nobody set aside {wanted}")


def _is(name: str, row: Row, wanted: dict[str, str]) -> bool:
    if name != wanted["database"] or row["code"] != wanted["code"]:
        return False
    if "id" in wanted:
        return bool(row["id"] == wanted["id"])
    mark = wanted.get("mark") or f'"number":{wanted["number"]},'
    return mark in row["body"]


async def converged(databases: Mapping[str, str], poisoned: set[int]) -> str | None:
    """None when nothing is left to do; otherwise what is."""
    left = []
    for name, url in databases.items():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            unsent = await connection.fetchval("SELECT count(*) FROM unsent")
            parked = await connection.fetchval("SELECT count(*) FROM parked")
            open_cases = await connection.fetchval(_OPEN, list(poisoned)) if name == "intake" else 0
        finally:
            await connection.close()
        if unsent or parked or open_cases:
            left.append(f"{name}: {unsent} unsent, {parked} parked, {open_cases} open")
    return "; ".join(left) or None


_OPEN = """
SELECT count(*) FROM cases
WHERE NOT (body::jsonb @> '{"decided": true, "charged": 1, "paid": 1, "published": 3, "cards": 1}')
AND NOT ((body ->> 'number')::int = ANY($1::int[]))
"""


async def until_converged(
    databases: Mapping[str, str], poisoned: set[int], seconds: float
) -> tuple[float | None, str]:
    """(seconds until nothing was left, or None; what was left last)."""
    began = time.monotonic()
    left = "not looked at"
    while time.monotonic() - began < seconds:
        try:
            found = await converged(databases, poisoned)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
            found = f"{type(away).__name__}: {away}"
        if found is None:
            return round(time.monotonic() - began, 2), ""
        left = found
        await asyncio.sleep(0.25)
    return None, left
