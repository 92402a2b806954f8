"""The broker itself refuses who speaks for another: real RabbitMQ, the generated definitions."""

from __future__ import annotations

import secrets

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError

from deploy.servers import RabbitmqServer
from deploy.servers.accounts import Accounts
from libs.flow import FLOW

Refused = (AMQPError, ConnectionError)


async def _say(server: RabbitmqServer, accounts: Accounts, account: tuple[str, str | None], key: str) -> None:
    """Publish under ``key`` with the account of a service, confirmed, an unroutable message being an error."""
    async with await aio_pika.connect(accounts.address(server, *account)) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(FLOW.exchange, ensure=False)
        await exchange.publish(aio_pika.Message(b"{}", message_id=secrets.token_hex(8)), key, timeout=10)


async def test_each_speaker_says_its_own_events(rabbitmq_server: RabbitmqServer, accounts: Accounts) -> None:
    await _say(rabbitmq_server, accounts, ("intake", None), "intake.application_received.v1")
    await _say(rabbitmq_server, accounts, ("review", "fire"), "review.opinion_given.v1.fire")
    await _say(rabbitmq_server, accounts, ("intake", None), "intake.review_requested.v1.fire")


@pytest.mark.parametrize(
    ("service", "department", "key"),
    [
        ("review", "fire", "review.opinion_given.v1.water"),  # one department as another
        ("review", "fire", "review.opinion_given.v1"),
        ("review", "fire", "review.opinion_given.v1.fire.water"),
        ("review", "fire", "fee.payment_received.v1"),  # a department as the treasury
        ("review", "fire", "intake.permit_issued.v1"),
        ("intake", None, "review.decision_made.v1.fire"),  # the window deciding for a department
        ("intake", None, "fee.charge_assessed.v1"),
        ("fee", None, "intake.decision_made.v1"),
        ("supervision", None, "intake.application_accepted.v1"),  # the watcher acting
        ("disclosure", None, "supervision.card_issued.v1"),
    ],
)
async def test_foreign_routing_key_is_refused(
    rabbitmq_server: RabbitmqServer, accounts: Accounts, service: str, department: str | None, key: str
) -> None:
    with pytest.raises(Refused):
        await _say(rabbitmq_server, accounts, (service, department), key)


async def test_another_one_s_queue_cannot_be_read(
    rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> None:
    async with await aio_pika.connect(accounts.address(rabbitmq_server, "review", "fire")) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("review.water", ensure=False)
        with pytest.raises(Refused):
            await queue.get(timeout=10)


async def test_no_account_may_make_or_bind_anything(
    rabbitmq_server: RabbitmqServer, accounts: Accounts
) -> None:
    for account in (("intake", None), ("review", "fire")):
        async with await aio_pika.connect(accounts.address(rabbitmq_server, *account)) as connection:
            channel = await connection.channel()
            with pytest.raises(Refused):
                await channel.declare_queue(f"mine-{secrets.token_hex(4)}", durable=True)
        async with await aio_pika.connect(accounts.address(rabbitmq_server, *account)) as connection:
            channel = await connection.channel()
            own = await channel.get_queue(FLOW.queue(*account), ensure=False)
            with pytest.raises(Refused):
                await own.bind(FLOW.exchange, "fee.payment_received.v1")


async def test_forged_sender_is_refused(rabbitmq_server: RabbitmqServer, accounts: Accounts) -> None:
    async with await aio_pika.connect(accounts.address(rabbitmq_server, "review", "fire")) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(FLOW.exchange, ensure=False)
        message = aio_pika.Message(b"{}", user_id="review.water")
        with pytest.raises(Refused):
            await exchange.publish(message, "review.opinion_given.v1.fire", timeout=10)


async def test_nobody_logs_in_as_guest(rabbitmq_server: RabbitmqServer) -> None:
    with pytest.raises(Refused):
        await aio_pika.connect(rabbitmq_server.address("guest", "guest"))
