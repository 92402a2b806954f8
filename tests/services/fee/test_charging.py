"""Fee on a real database: one bill per case, whatever the order, by the tariff in force on acceptance."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from typing import Any

import pytest

from libs.envelope import Event
from libs.refusals import Refusal
from libs.signatures import document_sha256
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff
from tests.services.fee.house import FeeHouse, billed
from tests.services.fee.story import KEYS, START, Story, event, payment, tariff_published

TARIFF = "road-occupation-chengdu-hitech"
SUM = 1_080_000


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
    await house.hear(story.item(), story.accepted(decision="unanimous"), story.decided_by_itself())
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
        "another case": story.decided(case_id="another"),
        "document says refused": story.decided(text="refused"),
    }


@pytest.mark.parametrize(
    "forgery", ["another department", "text changed", "another case", "document says refused"]
)
async def test_a_decision_nobody_competent_signed_charges_nothing(house: FeeHouse, forgery: str) -> None:
    story = Story()
    await house.hear(story.item(), story.accepted(), _forged(story)[forgery])
    assert await house.said(story.case_id) == []
    assert (await house.waiting()) == (0, 1)
    await house.hear(story.decided())
    assert await house.owed(story.case_id) == SUM


FALSE_VOUCHERS: dict[str, tuple[dict[str, Any], str]] = {
    "another case": ({"case_id": "another"}, "document_mismatch"),
    "another day": ({"accepted_at": "2026-01-05T01:00:00Z"}, "document_mismatch"),
    "another lead": ({"lead": "fire"}, "document_mismatch"),
    "another applicant": ({"applicant_ref": "p-2"}, "document_mismatch"),
    "another item": ({"item_code": "cheaper"}, "document_mismatch"),
    "only received": ({"act": "received"}, "document_mismatch"),
    "a department's": ({"issuer": "review/fire"}, "bad_signature"),
}


@pytest.mark.parametrize("name", FALSE_VOUCHERS)
async def test_an_acceptance_its_voucher_does_not_bear_out_is_set_aside(house: FeeHouse, name: str) -> None:
    said, code = FALSE_VOUCHERS[name]
    story = Story(timing="on_acceptance")
    await house.hear(story.item(), story.accepted(**said))
    assert await house.rows("SELECT code FROM set_aside") == [(code,)]
    assert await house.said(story.case_id) == []


async def test_only_who_may_decide_by_the_item_decides(house: FeeHouse) -> None:
    by_lead, unanimous = Story(), Story()
    await house.hear(by_lead.item(), by_lead.accepted(), by_lead.decided_by_itself())
    await house.hear(unanimous.item(), unanimous.accepted(decision="unanimous"), unanimous.decided())
    assert await house.rows("SELECT code FROM set_aside") == [("bad_signature",)]
    assert await house.rows("SELECT count(*) FROM bills") == [(1,)], (
        "without unanimous consent the lead decides"
    )


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
