"""A message that was heard goes with its last user: none waits for the cycle collector with its whole body."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from faststream.rabbit.message import RabbitMessage

from libs import consumer
from libs.collector import calm_collector


class Raw:
    """Stands for what came from the broker."""


async def test_a_message_that_was_decoded_is_freed_at_once() -> None:
    raw: Any = Raw()
    message = RabbitMessage(raw_message=raw, body=b"long")
    message.set_decoder(consumer._raw)
    assert await message.decode() is raw, "what the handler is given"
    gone = weakref.ref(message)
    gc.disable()
    try:
        del message
        assert gone() is None
    finally:
        gc.enable()


def test_every_generation_has_its_turn() -> None:
    before = gc.get_threshold()
    try:
        calm_collector()
        young, middle, old = gc.get_threshold()
        assert young > 700
        assert middle * old <= 100
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
