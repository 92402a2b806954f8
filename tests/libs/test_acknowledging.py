"""Acknowledgements are sent a moment later and together, each message for itself, and none is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

from aiormq.exceptions import ChannelInvalidStateError

from libs import acknowledging
from libs.acknowledging import Acknowledgements


class Message:
    """Notes in ``acknowledged`` that it was; or its channel is gone."""

    def __init__(self, acknowledged: list[Message], gone: bool = False) -> None:
        self._acknowledged = acknowledged
        self._gone = gone
        self.done = asyncio.Event()

    async def ack(self, **how: Any) -> None:
        """As aio-pika's message does it."""
        assert not how  # never multiple: it would cover what is not committed
        self.done.set()
        if self._gone:
            raise ChannelInvalidStateError("closed")
        self._acknowledged.append(self)


async def test_a_lone_message_is_acknowledged_a_moment_later() -> None:
    acknowledged: list[Message] = []
    waiting = Acknowledgements(most=4)
    message = Message(acknowledged)
    begun = asyncio.get_running_loop().time()
    waiting.add(message)
    assert not waiting.none
    await asyncio.wait_for(message.done.wait(), 5)
    assert asyncio.get_running_loop().time() - begun >= acknowledging.LATER_S * 0.9
    await waiting.finish()
    assert acknowledged == [message]
    assert waiting.none


async def test_as_many_as_may_wait_go_at_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(acknowledging, "LATER_S", 3600.0)
    acknowledged: list[Message] = []
    waiting = Acknowledgements(most=3)
    messages = [Message(acknowledged) for _ in range(4)]
    for message in messages:
        waiting.add(message)
    await asyncio.wait_for(messages[2].done.wait(), 5)
    assert acknowledged == messages[:3]  # the fourth waits for its own moment
    assert not waiting.none


async def test_finish_leaves_none_behind(monkeypatch: Any) -> None:
    monkeypatch.setattr(acknowledging, "LATER_S", 3600.0)
    acknowledged: list[Message] = []
    waiting = Acknowledgements(most=100)
    messages = [Message(acknowledged) for _ in range(7)]
    for message in messages:
        waiting.add(message)
    await waiting.finish()
    assert acknowledged == messages
    assert waiting.none


async def test_a_channel_that_is_gone_keeps_no_other_message_back() -> None:
    acknowledged: list[Message] = []
    waiting = Acknowledgements(most=3)
    first, gone, last = Message(acknowledged), Message(acknowledged, gone=True), Message(acknowledged)
    for message in (first, gone, last):
        waiting.add(message)
    await waiting.finish()
    assert acknowledged == [first, last]
    assert waiting.none
