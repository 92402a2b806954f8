"""Fee acts on a real database: one bill per case, whatever the order, and one payment that is exactly it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from libs.envelope import Event
from libs.refusals import Conflict, NotFound, Refusal
from libs.signatures import document_sha256
from services.fee import storage
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff
from services.fee.handlers import payments
from tests.services.fee.conftest import NewBooks
from tests.services.fee.house import (
    KEYS,
    START,
    FeeHouse,
    Story,
    event,
    fee_house,
    payment,
    tariff_published,
)

TARIFF = "road-occupation-chengdu-hitech"
SUM = 1_080_000


@pytest.fixture
async def house(new_books: NewBooks) -> AsyncIterator[FeeHouse]:
    """Fee on a fresh database in which the tariff is published."""
    async with fee_house(await new_books(), payment_channel="demonstration", reference_secret="s") as running:
        await running.hear(tariff_published())
        yield running


async def billed(house: FeeHouse, **changes: Any) -> tuple[Story, str]:
    """A granted case with its open bill."""
    story = Story(**changes)
    await house.hear(story.item(), story.accepted(), story.decided())
    [assessed] = await house.said(story.case_id)
    return story, assessed["data"]["bill_no"]


async def test_a_bill_is_assessed_when_the_grant_is_heard_and_can_be_recomputed(house: FeeHouse) -> None:
    story = Story()
    await house.hear(story.item(), story.accepted())
    assert await house.said(story.case_id) == []
    await house.hear(story.decided())
    [assessed] = await house.said(story.case_id)
    data = assessed["data"]
    assert assessed["type"] == "fee.charge_assessed.v1"
    assert (data["total_fen"], data["lines"][0]["formula"]) == (SUM, "120 × 45 × 2.00 = 10800.00")
    text = KEYS.verify(data["bill"], issuer="fee", kind="bill")
    [(body,)] = await house.rows("SELECT body FROM tariff_versions")
    tariff = Tariff.model_validate(body)
    again = assess(tariff, text["facts"], date.fromisoformat(text["accepted_on"]))
    assert again.total_fen == text["total_fen"] == SUM
    assert text["facts"] == {"zone": "2", "use": "other", "area_m2": "120", "days": "45"}
    assert await house.owed(story.case_id) == SUM


async def test_a_bill_is_assessed_at_acceptance_when_the_item_says_so(house: FeeHouse) -> None:
    story = Story(timing="on_acceptance")
    await house.hear(story.item(), story.accepted())
    assert [said["data"]["total_fen"] for said in await house.said(story.case_id)] == [SUM]
    await house.hear(story.decided())
    assert len(await house.said(story.case_id)) == 1


async def test_unanimous_consent_is_a_grant_too(house: FeeHouse) -> None:
    story = Story()
    await house.hear(story.item(), story.accepted(), story.decided_by_itself())
    assert await house.owed(story.case_id) == SUM


async def test_an_item_without_a_fee_is_never_charged(house: FeeHouse) -> None:
    story = Story(tariff_code=None)
    await house.hear(story.item(), story.accepted(), story.decided())
    assert await house.said(story.case_id) == []
    assert await house.waiting() == (0, 0)


async def test_a_bill_over_zero_is_said_and_asks_for_nothing(house: FeeHouse) -> None:
    story = Story(facts={"area_m2": "0", "days": 45, "zone": "2", "use": "other"})
    await house.hear(story.item(), story.accepted(), story.decided())
    [assessed] = await house.said(story.case_id)
    assert assessed["data"]["total_fen"] == 0
    with pytest.raises(Refusal) as refusal:
        await house.pay(payment(assessed["data"]["bill_no"], 0))
    assert refusal.value.code == "nothing_to_pay"
    await house.hear(story.withdrawn())
    assert len(await house.said(story.case_id)) == 1


@pytest.mark.parametrize("timing", ["on_acceptance", "before_delivery"])
@pytest.mark.parametrize("ending", ["granted", "refused", "withdrawn"])
async def test_every_order_of_events_leaves_the_same_owed(house: FeeHouse, timing: str, ending: str) -> None:
    def events(story: Story, tariff: Event) -> list[Event]:
        last = story.withdrawn() if ending == "withdrawn" else story.decided(ending)
        return [tariff, story.item(), story.accepted(), last]

    for order in itertools.permutations(range(4)):
        tariff = tariff_published(
            tariff_code=f"order-{timing}-{ending}-{''.join(map(str, order))}".replace("_", "-")
        )
        story = Story(timing=timing, tariff_code=tariff.data["tariff_code"])
        told = events(story, tariff)
        for place in order:
            await house.hear(told[place])
            await house.hear(told[place])  # delivered again: handled once
        await house.sweep()
        said = [each["type"] for each in await house.said(story.case_id)]
        assert await house.owed(story.case_id) == (SUM if ending == "granted" else 0), order
        if ending == "granted":
            assert said == ["fee.charge_assessed.v1"], order
        else:
            assert said in ([], ["fee.charge_assessed.v1", "fee.charge_cancelled.v1"]), order
    assert await house.waiting() == (0, 0)


async def test_all_events_of_a_case_may_come_in_one_commit(house: FeeHouse) -> None:
    stories = [Story() for _ in range(20)]
    events = [told for story in stories for told in (story.decided(), story.accepted(), story.item())]
    await house.hear(*events)
    await house.sweep()
    assert [await house.owed(story.case_id) for story in stories] == [SUM] * 20
    numbers = await house.rows("SELECT count(DISTINCT bill_no) FROM bills")
    assert numbers == [(20,)]


async def test_the_version_in_force_on_acceptance_counts_and_not_the_newest(house: FeeHouse) -> None:
    later: dict[str, Any] = {
        "version": 2,
        "in_force_from": "2026-01-07",
        "published_at": "2026-01-06T00:30:00Z",
    }
    dearer = tariff_published(**later)
    dearer.data["bands"][3]["tiers"][0]["rate"] = "9.00"
    await house.hear(dearer)
    before, after = Story(), Story(accepted_at=START + timedelta(days=1))
    await house.hear(before.item(), before.accepted(), before.decided())
    await house.hear(after.item(), after.accepted(), after.decided())
    said = [(await house.said(story.case_id))[0]["data"] for story in (before, after)]
    assert [data["tariff_version"] for data in said] == [1, 2]
    assert [data["total_fen"] for data in said] == [SUM, 120 * 45 * 900]


async def test_a_deemed_acceptance_dated_back_is_charged_by_the_older_version(house: FeeHouse) -> None:
    house.clock.at = START + timedelta(days=5)
    await house.hear(
        tariff_published(version=2, in_force_from="2026-01-08", published_at="2026-01-06T01:00:00Z")
    )
    story = Story(accepted_at=START)  # said on the fifth day, legal start on the first
    await house.hear(story.item(), story.accepted(), story.decided())
    assert (await house.said(story.case_id))[0]["data"]["tariff_version"] == 1


async def test_a_published_version_is_kept_for_ever(house: FeeHouse) -> None:
    changed = tariff_published(minimum_fen=1)
    await house.hear(changed)
    assert (await house.waiting())[1] == 1
    story, _ = await billed(house)
    again = story.item()
    await house.hear(again)
    codes = await house.rows("SELECT code FROM set_aside ORDER BY seq")
    assert codes == [("version_published_twice",), ("version_published_twice",)]


@pytest.mark.parametrize("rank", ["local_regulation", "rule"])
async def test_a_tariff_without_basis_is_set_aside_whoever_published_it(house: FeeHouse, rank: str) -> None:
    basis = [{"rank": rank, "document": "某办法", "article": "1"}]
    await house.hear(tariff_published(tariff_code="without-basis", basis=basis))
    assert await house.rows("SELECT code FROM set_aside") == [("tariff_without_basis",)]
    assert await house.rows("SELECT count(*) FROM tariff_versions WHERE tariff_code = 'without-basis'") == [
        (0,)
    ]


async def test_facts_without_an_exact_sum_are_set_aside_with_their_code(house: FeeHouse) -> None:
    story = Story(facts={"area_m2": "12O", "days": 45, "zone": "2", "use": "other"})
    await house.hear(story.item(), story.accepted(), story.decided())
    assert await house.rows("SELECT code FROM set_aside") == [("charge_fact_invalid",)]
    assert await house.said(story.case_id) == []


def _forged(story: Story) -> dict[str, Event]:
    tampered = story.decided()
    tampered.data["decision_document"]["body"] = tampered.data["decision_document"]["body"].replace(
        "granted", "refused"
    )
    return {
        "another department": story.decided(department="fire"),
        "text changed": tampered,
        "document says refused": story.decided(**{"decision": "granted", "case_id": "another"}),
    }


@pytest.mark.parametrize("forgery", ["another department", "text changed", "document says refused"])
async def test_a_decision_nobody_competent_signed_charges_nothing(house: FeeHouse, forgery: str) -> None:
    story = Story()
    await house.hear(story.item(), story.accepted(), _forged(story)[forgery])
    assert await house.said(story.case_id) == []
    assert (await house.waiting()) == (0, 1)
    await house.hear(story.decided())
    assert await house.owed(story.case_id) == SUM


async def test_an_acceptance_with_a_foreign_voucher_is_set_aside(house: FeeHouse) -> None:
    story = Story(timing="on_acceptance")
    await house.hear(
        story.item(), story.accepted(voucher_case="another"), story.accepted(issuer="review/fire")
    )
    codes = await house.rows("SELECT code FROM set_aside ORDER BY seq")
    assert codes == [("document_mismatch",), ("bad_signature",)]
    assert await house.said(story.case_id) == []


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


@pytest.mark.parametrize(
    ("ending", "reason"), [("withdrawn", "application_withdrawn"), ("refused", "application_refused")]
)
async def test_an_unpaid_bill_is_taken_back_and_cannot_be_paid(
    house: FeeHouse, ending: str, reason: str
) -> None:
    story = Story(timing="on_acceptance")
    await house.hear(story.item(), story.accepted())
    [assessed] = await house.said(story.case_id)
    await house.hear(story.withdrawn() if ending == "withdrawn" else story.decided("refused"))
    [_, cancelled] = await house.said(story.case_id)
    assert (cancelled["type"], cancelled["data"]["reason"]) == ("fee.charge_cancelled.v1", reason)
    assert await house.owed(story.case_id) == 0
    house.clock.at = START + timedelta(minutes=2)
    with pytest.raises(Refusal) as refusal:
        await house.pay(payment(assessed["data"]["bill_no"]))
    assert refusal.value.code == "bill_cancelled"


async def test_a_paid_bill_is_not_cancelled_by_a_late_withdrawal(house: FeeHouse) -> None:
    story, bill_no = await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    await house.pay(payment(bill_no))
    await house.hear(story.withdrawn())
    assert len(await house.said(story.case_id)) == 2
    assert await house.rows("SELECT count(*) FROM cancellations") == [(0,)]


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


async def test_the_proof_of_publication_is_kept_with_the_bill(house: FeeHouse) -> None:
    story, bill_no = await billed(house)
    [assessed] = await house.said(story.case_id)
    early = Story()
    await house.hear(early.recorded(assessed))  # a proof before its bill waits
    assert (await house.waiting())[0] == 1
    await house.hear(story.recorded(assessed, document_sha256="00" * 32))
    await house.hear(story.recorded(assessed))
    [(proof,)] = await house.rows("SELECT body ->> 'proof' FROM cases WHERE case_id = $1", story.case_id)
    assert json.loads(proof)["leaf_index"] == 7
    assert await house.rows("SELECT code FROM set_aside") == [("document_mismatch",)]
    [(stored,)] = await house.rows("SELECT document_sha256 FROM bills WHERE bill_no = $1", bill_no)
    assert stored == document_sha256(assessed["data"]["bill"])


async def test_records_of_others_are_heard_and_left_alone(house: FeeHouse) -> None:
    story, _ = await billed(house)
    [assessed] = await house.said(story.case_id)
    heard = story.recorded(assessed, record_kind="decision", document_sha256=None)
    await house.hear(
        heard, event("disclosure", heard.type, "calendar/2026", {**heard.data, "record_kind": "calendar"})
    )
    assert await house.waiting() == (0, 0)


async def test_a_payment_continues_the_trace_of_its_bill(house: FeeHouse) -> None:
    story, bill_no = await billed(house)
    house.clock.at = START + timedelta(minutes=2)
    await house.pay(payment(bill_no))
    assessed, paid = await house.said(story.case_id)
    [(traceparent,)] = await house.rows("SELECT traceparent FROM bills WHERE bill_no = $1", bill_no)
    assert traceparent == assessed.get("traceparent")
    if traceparent:
        assert paid["traceparent"].split("-")[1] == traceparent.split("-")[1]
