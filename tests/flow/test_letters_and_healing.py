"""In a whole center: a binding that was gone for a while is found and healed; letters are worked by command."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

from deploy.healing import Comparison, Healer
from deploy.launcher.attached import Attached
from deploy.launcher.cli import app
from deploy.launcher.reach import desk
from deploy.launcher.story.play import catalogue_files
from libs.flow import FLOW
from tests.center import WholeCenter
from tests.waiting import until

RIPE_S = 8.0  # the broker counts its queues every 5 s


@contextmanager
def unbound(operator: httpx.Client, queue: str, key: str) -> Iterator[None]:
    """The queue does not get events of this key for a while."""
    way = f"/api/bindings/permit/e/permit/q/{queue}"
    operator.delete(f"{way}/{key}").raise_for_status()
    try:
        yield
    finally:
        operator.post(way, json={"routing_key": key}).raise_for_status()


def onewindow(center: WholeCenter, *words: str) -> tuple[int, str]:
    """Status and output of a command."""
    done = CliRunner().invoke(app, [*words, "--run-dir", str(center.center.run_dir)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, done.output


@pytest.mark.timeout(300)
def test_what_a_missing_binding_lost_is_found_and_sent_again(center: WholeCenter) -> None:
    event = "disclosure.rule_published.v1"
    attached = Attached(center.center.run_dir)
    rule = {**catalogue_files("rules")[0], "rule_code": "lost-and-found"}
    del rule["in_force_from"]

    async def heal() -> tuple[list[tuple[str, str]], int]:
        """Look until something is lost; then until nothing is, having told the speaker once."""
        comparison = Comparison(FLOW, attached.databases, attached.management, ripe_s=RIPE_S)
        async with desk(attached) as administrator:
            healer = Healer(comparison, administrator)
            found: list[tuple[str, str]] = []
            resent = 0
            async with asyncio.timeout(90):
                while not found or sum(comparison.missing.values()):
                    done = await healer.once()
                    assert done.trouble == []
                    found = found or [(each.hearer, each.sent.type) for each in done.lost]
                    resent += done.resent
                    await asyncio.sleep(0.2)
            await healer.close()
        return found, resent

    with center.center.broker.operator() as operator, unbound(operator, "supervision", event):
        center.act("editor-01", f"{center.site('disclosure')}/api/rules", rule)
        until(lambda: center.run(sent(attached, "lost-and-found")), 30)
    assert center.run(heal()) == ([("supervision", event)], 1)
    report = center.audit()
    assert report.clean, "\n".join(report.lines())
    text = httpx.get(f"{center.site('disclosure')}/metrics").text
    assert f'permit_events_resent_total{{event="{event}"}} 1.0' in text
    status, output = onewindow(center, "heal")
    assert (status, " 0 lost, 0 events sent again" in output) == (0, True), output


async def sent(attached: Attached, subject: str) -> bool:
    """Whether the publication is marked as sent in disclosure's outbox."""
    connection = await asyncpg.connect(attached.databases["disclosure"])
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE body LIKE '%' || $1 || '%' AND type LIKE '%rule_published%' "
            "AND seq NOT IN (SELECT seq FROM unsent)",
            subject,
        )
    finally:
        await connection.close()
    return bool(found)


def test_letters_are_listed_shown_and_closed_by_command(center: WholeCenter) -> None:
    with center.center.broker.operator() as operator:
        told = operator.post(
            "/api/exchanges/permit/amq.default/publish",
            json={"properties": {}, "routing_key": "fee", "payload": "a probe", "payload_encoding": "string"},
        )
        assert told.json() == {"routed": True}
    letters = f"{center.site('fee')}/api/letters"
    until(lambda: center.read("administrator-01", letters)["total"] == 1)
    status, output = onewindow(center, "letters")
    (number,) = re.findall(r"^fee (\d+)  unknown  unreadable: undecodable message", output, re.M)
    assert status == 1
    status, output = onewindow(center, "letters", "replay", "fee", number)
    assert (status, "letter_unreadable" in output) == (1, True), output
    closed = onewindow(center, "letters", "close", "fee", number, "--note", "a test")
    assert closed == (0, f"fee {number}: closed\n")
    status, output = onewindow(center, "letters", "show", "fee", number)
    assert status == 0
    assert "a probe" in output
    assert "administrator-01: closed a test" in output
    assert onewindow(center, "letters") == (0, "Nothing is set aside.\n")
    assert onewindow(center, "letters", "replay", "fee")[0] == 2
