"""Disclosure whole, with its broker: what intake says comes back to intake as a record with a proof."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aio_pika
import pytest

from deploy.servers import RabbitmqServer
from deploy.servers.accounts import Accounts
from libs.envelope import BATCH_CONTENT_TYPE, Event, decode
from libs.flow import FLOW
from services.disclosure.domain import merkle
from services.disclosure.domain.notes import open_note
from tests.conftest import NewDatabase
from tests.services.disclosure.house import disclosure_house, received, shipped

RECORDED = "disclosure.record_published.v1"


async def test_what_intake_says_comes_back_as_a_record(
    new_database: NewDatabase, rabbitmq_server: RabbitmqServer, accounts: Accounts,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    database = await new_database("disclosure")
    monkeypatch.setenv("ONEWINDOW_BROKER_URL", accounts.address(rabbitmq_server, "disclosure"))
    said = [received() for _ in range(20)]
    async with disclosure_house(database.app, tmp_path, monkeypatch, served=True) as house:
        await house.publish("items", shipped("items", "tree-felling"))
        connection = await aio_pika.connect(accounts.address(rabbitmq_server, "intake"))
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(FLOW.exchange, ensure=False)
            queue = await channel.get_queue(FLOW.queue("intake"), ensure=False)
            await queue.purge()  # other tests of this process share the broker
            body = json.dumps([each.to_dict() for each in said] * 2).encode()  # every event twice
            message = aio_pika.Message(body, content_type=BATCH_CONTENT_TYPE)
            await exchange.publish(message, "intake.application_received.v1")
            heard: dict[str, Event] = {}
            async with asyncio.timeout(30):
                while len(heard) < len(said):
                    delivered = await queue.get(fail=False)
                    if delivered is None:
                        await asyncio.sleep(0.05)
                        continue
                    await delivered.ack()
                    for each in decode(delivered.body, delivered.content_type):
                        assert isinstance(each, Event)
                        if each.type == RECORDED and each.data["record_kind"] == "voucher":
                            heard[each.data["of_event"]["id"]] = each
        key = house.app.state.settings.log_key.public_key()
    for each in said:
        record = heard[each.id]
        data = record.data
        head = open_note(data["checkpoint"], key)
        proof = [bytes.fromhex(part) for part in data["proof"]]
        assert merkle.includes(
            bytes.fromhex(data["leaf_hash"]), data["leaf_index"], head.size, proof, head.root
        )
        assert (record.subject, record.causationid) == (each.subject, each.id)
