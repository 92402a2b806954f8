"""Fee on a real database: one payment that is exactly the bill; everything else changes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.refusals import Conflict, NotFound, Refusal
from services.fee import storage
from services.fee.handlers import payments
from tests.services.fee.conftest import NewBooks
from tests.services.fee.house import FeeHouse, billed, fee_house
from tests.services.fee.story import KEYS, START, payment, tariff_published

SUM = 1_080_000


async def test_a_payment_settles_the_bill_and_is_said_once(house: FeeHouse) -> None:
    story, bill_no = await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    answer = await house.pay(payment(bill_no))
    receipt = KEYS.verify(answer.receipt, issuer="fee", kind="receipt")
    assert (receipt["bill_no"], receipt["amount_fen"], receipt["payee"]) == (bill_no, SUM, "treasury")
    again = await house.pay(payment(bill_no))
    assert again == answer
    assert [said["type"] for said in await house.said(story.case_id)] == [
        "fee.charge_assessed.v1", "fee.payment_received.v1",
    ]  # fmt: skip
    assert await house.owed(story.case_id) == 0
    balances = {row.account_no: row.balance_fen for row in await _query(house, storage.BALANCES)}
    assert balances["treasury/sample-road-occupation"] == SUM
    assert sum(balances.values()) == 0
    [day] = await _query(house, storage.DAYS, limit=5)
    assert (day.bills, day.paid_fen, day.credited_fen) == (1, SUM, SUM)


async def _query(house: FeeHouse, statement: Any, **values: Any) -> list[Any]:
    async with house.engine.connect() as connection:
        return list((await connection.execute(statement, values)).all())


BAD_PAYMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "a fen less": ({"amount_fen": SUM - 1}, "wrong_amount"),
    "a fen more": ({"amount_fen": SUM + 1}, "wrong_amount"),
    "nothing": ({"amount_fen": 0}, "wrong_amount"),
    "a refund": ({"amount_fen": -SUM}, "wrong_amount"),
    "beyond any bigint": ({"amount_fen": 10**30}, "wrong_amount"),
    "dollars": ({"currency": "USD"}, "wrong_currency"),
    "long before the bill": ({"paid_at": START - timedelta(minutes=6)}, "paid_at_impossible"),
    "from the future": ({"paid_at": START + timedelta(minutes=8)}, "paid_at_impossible"),
    "unknown bill": ({"bill_no": "B-2026-999999"}, "unknown_bill"),
}


@pytest.mark.parametrize("name", BAD_PAYMENTS)
async def test_a_wrong_payment_changes_nothing(house: FeeHouse, name: str) -> None:
    story, bill_no = await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    change, code = BAD_PAYMENTS[name]
    with pytest.raises(Refusal) as refusal:
        await house.pay(payment(**{"bill_no": bill_no, **change}))
    assert refusal.value.code == code
    assert await house.owed(story.case_id) == SUM
    assert len(await house.said(story.case_id)) == 1
    assert (await house.pay(payment(bill_no))).amount_fen == SUM


async def test_a_second_payment_is_refused_and_a_reference_names_one_payment(house: FeeHouse) -> None:
    _, bill_no = await billed(house)
    other_story, other = await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    await house.pay(payment(bill_no))
    refused = {
        "already_paid": payment(bill_no, channel_ref="another"),
        "channel_reference_reused": payment(bill_no, amount_fen=SUM - 1),
    }
    for code, wrong in refused.items():
        with pytest.raises(Refusal) as refusal:
            await house.pay(wrong)
        assert refusal.value.code == code
    with pytest.raises(Refusal) as refusal:
        await house.pay(payment(other, channel_ref=f"ref-{bill_no}"))
    assert refusal.value.code == "channel_reference_reused"
    assert await house.owed(other_story.case_id) == SUM


async def test_a_hundred_callbacks_at_once_settle_once(house: FeeHouse) -> None:
    story, bill_no = await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    same = [house.pay(payment(bill_no)) for _ in range(50)]
    different = [house.pay(payment(bill_no, channel_ref=f"r-{i}")) for i in range(50)]
    results = await asyncio.gather(*same, *different, return_exceptions=True)
    answers = {result.model_dump_json() for result in results if not isinstance(result, BaseException)}
    assert len(answers) == 1
    refusals = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(result, Refusal) for result in refusals)
    assert len(await house.said(story.case_id)) == 2
    assert await house.rows("SELECT count(*) FROM settlements") == [(1,)]


async def test_one_reference_for_two_bills_at_once_settles_one(house: FeeHouse) -> None:
    (_, first), (_, second) = await billed(house), await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    pair = [house.pay(payment(bill_no, channel_ref="one")) for bill_no in (first, second)]
    results = await asyncio.gather(*pair, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Refusal | Conflict)]
    assert len(refused) == 1
    assert await house.rows("SELECT count(*) FROM settlements") == [(1,)]


async def test_an_applicant_pays_only_the_own_bill_and_only_in_an_open_channel(
    house: FeeHouse, new_books: NewBooks
) -> None:
    _, bill_no = await billed(house, applicant_ref="p-owner")
    for reference, number in (("p-other", bill_no), ("p-owner", "B-2026-999999")):
        with pytest.raises(NotFound) as missing:
            await house.commits.do(
                "pay", lambda work, r=reference, n=number: payments.pay_own_bill(work, r, n)
            )
        assert missing.value.problem() == NotFound().problem()
    answer = await house.commits.do("pay", lambda work: payments.pay_own_bill(work, "p-owner", bill_no))
    assert answer.amount_fen == SUM
    with pytest.raises(Refusal) as refusal:
        await house.commits.do("pay", lambda work: payments.pay_own_bill(work, "p-owner", bill_no))
    assert refusal.value.code == "already_paid"
    async with fee_house(await new_books(), payment_channel="bank") as real:
        await real.hear(tariff_published())
        _, number = await billed(real)
        with pytest.raises(Refusal) as refusal:
            await real.commits.do("pay", lambda work: payments.pay_own_bill(work, "p-1", number))
        assert refusal.value.code == "payment_channel_closed"
