"""A case from the form to the delivered document, on a real database: what is said, kept, refused and set aside."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.refusals import NotFound, Refusal
from libs.signatures import document_sha256
from services.intake.domain.refusals import AlreadyRequested, InvalidFacts, InvalidMaterials, UnknownItem
from services.intake.handlers.applying import file_application
from services.intake.handlers.capability import may_read
from services.intake.messages.asked import ApplicationAsked
from tests.services.intake.house import (
    APPLICANT,
    OFFICER,
    START,
    STRANGER,
    IntakeHouse,
    charge,
    decision,
    defects,
    heard,
    opinion,
    payment,
)


async def test_the_voucher_comes_at_once_and_departments_are_asked_what_is_missing(
    house: IntakeHouse,
) -> None:
    case_id = await house.file(leave_out=("traffic-plan", "area_m2"))
    case = await house.case(case_id)
    assert case.state == "received"
    assert [defect.target for defect in case.noted] == ["area_m2", "traffic-plan"]
    said = await house.said(case_id)
    assert await house.names(case_id) == [
        "application_received", "completeness_check_requested.urban_management",
        "completeness_check_requested.traffic_police",
    ]  # fmt: skip
    voucher = said[0]["data"]["voucher"]
    text = house.keys.verify(voucher, issuer="intake", kind="voucher")
    assert text["application_no"] == case.application_no
    assert text["last_days"]["notice"]["due_on"] == "2026-01-07"
    assert document_sha256(voucher) == case.voucher_sha256
    assert "applicant-01" not in str(said), "no login travels"
    token = said[1]["data"]["capability"]
    assert may_read(house.settings.capability_key(), token, case.materials[0].sha256)
    assert not may_read(house.settings.capability_key(), token, "0" * 64)
    assert not may_read(house.settings.capability_key(), token[:-4] + "AAAA", case.materials[0].sha256)


async def test_what_does_not_fit_changes_nothing(house: IntakeHouse) -> None:
    before = await house.rows("SELECT count(*) FROM cases")
    with pytest.raises(InvalidFacts):
        await house.file(area_m2="-1")
    asked = ApplicationAsked.model_validate(
        {"item_code": "no-such", "applicant": {"kind": "natural"}, "facts": {}}
    )
    with pytest.raises(UnknownItem):
        await house.do(lambda work: file_application(work, APPLICANT, asked))
    assert await house.rows("SELECT count(*) FROM cases") == before


async def test_a_file_is_attached_only_by_its_uploader(house: IntakeHouse) -> None:
    sha256 = await house.upload(STRANGER, b"%PDF-1.7 of somebody else")
    asked = ApplicationAsked.model_validate(
        {
            "item_code": "road-occupation", "applicant": {"kind": "natural"}, "facts": {},
            "materials": [{"code": "site-plan", "sha256": sha256, "name": "plan.pdf"}],
        }
    )  # fmt: skip
    with pytest.raises(InvalidMaterials):
        await house.do(lambda work: file_application(work, APPLICANT, asked))
    assert await house.do(lambda work: file_application(work, STRANGER, asked))


async def test_one_notice_merges_the_departments_defects_and_a_second_is_refused(house: IntakeHouse) -> None:
    case_id = await house.file(leave_out=("traffic-plan",))
    case = await house.case(case_id)
    await house.hear(defects(case, "traffic_police", "days"), defects(case, "urban_management"))
    answer = await house.request_correction(
        case_id, {"target": "site-photo", "what": "blurred", "article": "art. 3"}
    )
    assert [(each["no"], each["target"], each["found_by"]) for each in answer["defects"]] == [
        (1, "traffic-plan", "intake"), (2, "site-photo", "intake"), (3, "days", "traffic_police"),
    ]  # fmt: skip
    with pytest.raises(AlreadyRequested):
        await house.request_correction(case_id)
    await house.hear(defects(case, "traffic_police", "zone"))  # a repetition changes nothing
    sha256 = await house.upload(content=b"%PDF-1.7 new")
    files = [{"code": code, "sha256": sha256, "name": "new.pdf"} for code in ("traffic-plan", "site-photo")]
    await house.correct(case_id, facts={"days": 27}, materials=files)
    accepted = await house.accept(case_id)
    assert accepted["mode"] == "corrected"
    names = await house.names(case_id)
    assert names[3:] == [
        "correction_requested", "application_corrected", "application_accepted",
        "review_requested.urban_management", "review_requested.traffic_police",
    ]  # fmt: skip


async def test_silence_of_the_window_accepts_since_receipt(house: IntakeHouse) -> None:
    case_id = await house.file(leave_out=("traffic-plan",))
    case = await house.case(case_id)
    assert case.acts_at is not None
    await house.lapse(case.acts_at - timedelta(seconds=1))
    assert (await house.case(case_id)).state == "received"
    await house.lapse(case.acts_at)
    taken = await house.case(case_id)
    assert taken.acceptance is not None
    assert (taken.state, taken.acceptance.mode, taken.acceptance.accepted_at) == ("accepted", "deemed", START)
    await house.lapse(case.acts_at + timedelta(days=1))
    assert (await house.names(case_id)).count("application_accepted") == 1


async def test_silence_of_the_applicant_has_the_published_effect(house: IntakeHouse) -> None:
    case_id = await house.file(leave_out=("traffic-plan",))
    await house.request_correction(case_id)
    case = await house.case(case_id)
    assert case.acts_at is not None
    await house.lapse(case.acts_at)
    declined = await house.case(case_id)
    assert declined.declined is not None
    assert declined.declined.reason_code == "not_corrected"
    said = (await house.said(case_id))[-1]
    text = house.keys.verify(said["data"]["voucher"], issuer="intake", kind="voucher")
    assert {each["kind"] for each in text["remedies"]} == {
        "statement", "reconsideration", "litigation", "compensation", "complaint",
    }  # fmt: skip


async def test_a_corrected_application_is_accepted_even_if_the_window_forgets(house: IntakeHouse) -> None:
    case_id = await house.file(leave_out=("area_m2",))
    await house.request_correction(case_id)
    await house.correct(case_id, facts={"area_m2": "120"})
    case = await house.case(case_id)
    assert case.acts_at is not None
    await house.lapse(case.acts_at)
    taken = (await house.case(case_id)).acceptance
    assert taken is not None
    assert (taken.mode, taken.accepted_at) == ("corrected", START)


async def test_declining_names_the_right_agency_on_a_voucher(house: IntakeHouse) -> None:
    case_id = await house.file()
    with pytest.raises(Refusal):
        await house.decline(case_id, reason_code="not_competent")
    agency = {"zh": "县城管局", "en": "The county's bureau"}
    answer = await house.decline(case_id, reason_code="not_competent", right_agency=agency)
    assert house.keys.verify(answer["voucher"], issuer="intake")["right_agency"] == agency
    assert (await house.names(case_id))[-1] == "application_declined"


async def test_a_granted_case_with_a_fee_ends_with_permit_and_delivery(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    case = await house.case(case_id)
    await house.hear(opinion(case, "traffic_police", "consent_with_conditions"))
    assert (await house.case(case_id)).state == "accepted"
    await house.hear(opinion(case, "urban_management"))
    assert (await house.case(case_id)).state == "decision_due"
    due = (await house.said(case_id))[-1]
    assert (due["type"], due["department"]) == ("intake.decision_due.v1", "urban_management")
    assert [each["department"] for each in due["data"]["opinions"]] == ["urban_management", "traffic_police"]
    await house.hear(decision(case))
    assert (await house.case(case_id)).state == "granted"
    await house.hear(payment(case))  # before its bill: waits
    assert (await house.waiting(case_id))[0] == 1
    await house.hear(charge(case))
    issued = (await house.case(case_id)).issued
    assert issued is not None
    assert issued.permit_no is not None
    assert issued.permit_no.startswith("AP-2026-")
    permit = (await house.said(case_id))[-1]["data"]
    text = house.keys.verify(permit["permit"], issuer="intake", kind="permit")
    assert (text["permit_no"], text["valid_until"]) == (issued.permit_no, "2026-03-01")
    with pytest.raises(NotFound):
        await house.deliver(case_id, STRANGER)
    await house.deliver(case_id)
    assert (await house.names(case_id))[-1] == "document_delivered"
    assert await house.waiting(case_id) == (0, [])


async def test_unanimous_consent_decides_in_the_transaction_of_the_last_opinion(house: IntakeHouse) -> None:
    case_id = await house.accepted("restaurant-opening")
    case = await house.case(case_id)
    departments = [step.department for step in case.acceptance.plan] if case.acceptance else []
    assert departments == ["market", "urban_management", "fire", "water"]
    await house.hear(*(opinion(case, each) for each in departments))  # all in one batch
    names = await house.names(case_id)
    assert names[-2:] == ["decision_made", "permit_issued"]
    decided = await house.case(case_id)
    assert decided.decision is not None
    assert decided.decision.by == "unanimous_consent"
    made = (await house.said(case_id))[-2]["data"]["decision_document"]
    assert len(house.keys.verify(made, issuer="intake", kind="decision")["opinions"]) == 4


async def test_an_objection_sends_a_unanimous_item_to_its_lead_who_must_answer_it(house: IntakeHouse) -> None:
    case_id = await house.accepted("restaurant-opening")
    case = await house.case(case_id)
    for department in ("market", "urban_management", "water"):
        await house.hear(opinion(case, department))
    await house.hear(opinion(case, "fire", "object"))
    assert (await house.names(case_id))[-1] == "decision_due.market"
    await house.hear(decision(case, "granted"))
    assert await house.waiting(case_id) == (0, ["objection_unanswered"])
    answers = [{"department": "fire", "answer": "The exit was widened; see the new plan."}]
    await house.hear(decision(case, "granted", answers=answers, signed={"second": True}))
    assert (await house.names(case_id))[-1] == "permit_issued"


async def test_a_refusal_carries_reasons_articles_and_five_remedies(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    case = await house.case(case_id)
    await house.hear(opinion(case, "urban_management"), opinion(case, "traffic_police", "object"))
    await house.hear(decision(case, "refused"))
    refusal = (await house.said(case_id))[-1]
    assert refusal["type"] == "intake.refusal_issued.v1"
    until = {each["kind"]: each["until_on"] for each in refusal["data"]["remedies"]}
    assert until == {
        "statement": None, "reconsideration": "2026-03-06", "litigation": "2026-07-06",
        "compensation": "2028-01-05", "complaint": None,
    }  # fmt: skip
    text = house.keys.verify(refusal["data"]["refusal"], issuer="intake", kind="refusal")
    assert text["reasons"][0]["article"] == "art. 32"
    await house.deliver(case_id, OFFICER)
    assert (await house.case(case_id)).state == "delivered"


async def test_withdrawal_closes_every_open_review_in_the_same_commit(house: IntakeHouse) -> None:
    case_id = await house.accepted("restaurant-opening")
    case = await house.case(case_id)
    await house.hear(opinion(case, "fire"))
    with pytest.raises(NotFound):
        await house.withdraw(case_id, STRANGER)
    await house.withdraw(case_id)
    names = await house.names(case_id)
    assert names[-4:] == [
        "application_withdrawn", "review_closed.market", "review_closed.urban_management", "review_closed.water",
    ]  # fmt: skip
    await house.hear(opinion(case, "water"))
    assert await house.waiting(case_id) == (0, ["case_closed"])


async def test_withdrawal_before_acceptance_closes_the_checks(house: IntakeHouse) -> None:
    case_id = await house.file()
    case = await house.case(case_id)
    await house.hear(defects(case, "urban_management"))
    await house.withdraw(case_id)
    assert (await house.names(case_id))[-2:] == ["application_withdrawn", "review_closed.traffic_police"]


async def test_a_successor_waits_for_its_predecessor_and_sees_its_opinion(house: IntakeHouse) -> None:
    facts = {
        "species": "camphor", "count": 1, "trees": 1, "old_tree": True, "area_m2": "10", "reason": "dead",
        "starts_on": "2026-02-02",
    }  # fmt: skip
    known = {field.code for field in (await _item(house, "tree-felling")).fields}
    asked = ApplicationAsked.model_validate(
        {
            "item_code": "tree-felling", "applicant": {"kind": "natural"},
            "facts": {key: value for key, value in facts.items() if key in known},
        }
    )  # fmt: skip
    filed = await house.do(lambda work: file_application(work, APPLICANT, asked))
    case_id = filed["case_id"]
    await house.lapse((await house.case(case_id)).acts_at or START)
    case = await house.case(case_id)
    reviews = await house.reviews(case_id)
    assert not reviews["government"].is_released
    requested = [each for each in await house.said(case_id) if each["type"] == "intake.review_requested.v1"]
    (pre,) = [each["data"] for each in requested if each["department"] == "government"]
    assert (pre["released"], pre["clock"], pre["after"]) == (False, None, ["landscape"])
    await house.hear(opinion(case, "government"))
    assert await house.waiting(case_id) == (0, ["review_not_released"])
    for department in reviews:
        if department != "government":
            await house.hear(opinion(case, department))
    (released,) = [each for each in await house.said(case_id) if each["type"] == "intake.review_released.v1"]
    assert [each["department"] for each in released["data"]["opinions"]] == ["landscape"]
    assert released["data"]["clock"]["kind"] == "review"


async def test_free_text_may_name_a_person_and_goes_to_the_departments_only(house: IntakeHouse) -> None:
    facts = {"trees": 1, "green_m2": "0", "old_tree": False, "reason": "林女士 asks for light"}
    asked = ApplicationAsked.model_validate(
        {"item_code": "tree-felling", "applicant": {"kind": "natural"}, "facts": facts}
    )
    case_id = (await house.do(lambda work: file_application(work, APPLICANT, asked)))["case_id"]
    await house.lapse((await house.case(case_id)).acts_at or START)
    with_facts = [each for each in await house.said(case_id) if "facts" in each["data"]]
    told = {each["type"]: each["data"]["facts"] for each in with_facts}
    for_everybody = {"intake.application_received.v1", "intake.application_accepted.v1"}
    assert for_everybody < set(told)
    without = {code: value for code, value in facts.items() if code != "reason"}
    assert told == {event: without if event in for_everybody else facts for event in told}


async def _item(house: IntakeHouse, code: str):  # type: ignore[no-untyped-def]
    from services.intake.storage import queries

    async with house.engine.connect() as reader:
        found = await queries.item_in_force(reader, code, START.date())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signer": "review/traffic_police"}, "bad_signature"),
        ({"kind": "decision"}, "bad_signature"),
        ({"source": "review/traffic_police"}, "document_differs"),
        ({"signed": {"case_id": "0" * 32}}, "document_differs"),
        ({"signed": {"outcome": "object"}}, "document_differs"),
        ({"signed": {"conditions": ["pay me"]}}, "document_differs"),
    ],
)
async def test_only_a_departments_own_signed_word_about_this_case_counts(
    house: IntakeHouse, changes: dict[str, Any], code: str
) -> None:
    case_id = await house.accepted()
    case = await house.case(case_id)
    await house.hear(opinion(case, "urban_management", **changes))
    assert await house.waiting(case_id) == (0, [code])
    assert not (await house.reviews(case_id))["urban_management"].is_given


async def test_an_unplanned_departments_opinion_and_a_second_one_are_set_aside(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    case = await house.case(case_id)
    await house.hear(opinion(case, "fire"))
    first = opinion(case, "traffic_police")
    await house.hear(first)
    await house.hear(first)  # redelivered
    await house.hear(opinion(case, "traffic_police", "object"))
    assert await house.waiting(case_id) == (0, ["department_not_planned", "opinion_already_given"])
    assert (await house.reviews(case_id))["traffic_police"].outcome == "consent"


async def test_only_the_lead_decides_and_only_when_it_is_due(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    case = await house.case(case_id)
    await house.hear(decision(case), decision(case, "granted", "traffic_police"))
    assert await house.waiting(case_id) == (0, ["not_the_lead", "not_yet"])
    assert (await house.case(case_id)).state == "accepted"


async def test_a_refusal_without_reasons_is_none(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    case = await house.case(case_id)
    await house.hear(opinion(case, "urban_management"), opinion(case, "traffic_police"))
    await house.hear(decision(case, "refused", reasons=[], signed={"reasons": []}))
    assert await house.waiting(case_id) == (0, ["reasons_missing"])


async def test_an_event_about_an_unknown_case_waits_for_it(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    case = (await house.case(case_id)).model_copy(update={"case_id": "f" * 32})
    await house.hear(charge(case))
    assert await house.waiting("f" * 32) == (1, [])


async def test_the_sweep_moves_a_case_that_something_kept(house: IntakeHouse) -> None:
    case_id = await house.accepted()
    stuck = await house.case(case_id)
    await house.hear(opinion(stuck, "urban_management"))

    async def slip_in(work):  # type: ignore[no-untyped-def]
        from services.intake.storage import REVIEWS

        review = await work.need(REVIEWS, case_id, "traffic_police")
        work.put(REVIEWS, review.model_copy(update={"outcome": "consent", "given_at": START,
                                                    "document_sha256": "a" * 64}))  # fmt: skip

    await house.do(slip_in)  # a row that nobody's event announced
    assert (await house.case(case_id)).state == "accepted"
    from services.intake.handlers.lapsing import sweep_movable

    await house.do(sweep_movable)
    assert (await house.case(case_id)).state == "decision_due"


async def test_a_proof_stands_beside_its_paper(house: IntakeHouse) -> None:
    case_id = await house.file()
    said = (await house.said(case_id))[0]
    case = await house.case(case_id)
    data = {
        "leaf_index": 7, "leaf_hash": "ab" * 32, "record_kind": "voucher",
        "of_event": {"source": "intake", "id": said["id"], "type": said["type"]},
        "document_sha256": case.voucher_sha256, "tree_size": 9, "checkpoint": "onewindow\n9\n", "proof": ["cd" * 32],
    }  # fmt: skip
    await house.hear(heard("disclosure", "disclosure.record_published.v1", case_id, data))
    from services.intake.storage import queries

    async with house.engine.connect() as reader:
        (proof,) = await queries.proofs_of(reader, case, [case.voucher_sha256])
    assert (proof.leaf_index, proof.document_sha256) == (7, case.voucher_sha256)


async def test_a_later_version_does_not_touch_a_running_case(house: IntakeHouse) -> None:
    first = {**(await _item(house, "road-occupation")).model_dump(mode="json"), "item_code": "road-copy"}

    async def publish(content: dict[str, object]) -> None:
        await house.hear(
            heard("disclosure", "disclosure.service_item_published.v1", "item/road-copy", content)
        )

    async def filed() -> str:
        asked = {"item_code": "road-copy", "applicant": {"kind": "legal"}, "facts": {}}
        body = ApplicationAsked.model_validate(asked)
        return str((await house.do(lambda work: file_application(work, APPLICANT, body)))["case_id"])

    await publish(first)
    early = await filed()
    await publish({**first, "version": 2, "hearing": "required"})
    late = await house.case(await filed())
    assert (late.item_version, late.hearing) == (2, "required")
    await house.lapse((await house.case(early)).acts_at or START)
    taken = await house.case(early)
    assert (taken.state, taken.item_version, taken.hearing) == ("accepted", 1, "none")
    await publish({**first, "version": 2, "hearing": "none"})
    assert (await house.waiting("item/road-copy"))[1] == ["published_differently"]


async def test_the_same_clock_reading_is_used_for_silence_and_acts(house: IntakeHouse) -> None:
    house.clock.at = datetime(2026, 1, 9, 2, tzinfo=UTC)
    case_id = await house.file(leave_out=("traffic-plan",))
    case = await house.case(case_id)
    assert case.acts_at is not None
    house.clock.at = case.acts_at
    with pytest.raises(Refusal) as refused:
        await house.request_correction(case_id)
    assert refused.value.code == "notice_too_late"
    accepted = await house.accept(case_id)  # whoever asks: the law has accepted already
    assert accepted["mode"] == "deemed"


async def test_every_order_repetition_and_batch_of_what_departments_and_fee_say_ends_alike(
    house: IntakeHouse,
) -> None:
    """The handlers as the broker drives them: shuffled, repeated, in one batch or one by one; the end is the same."""
    ends = set()
    for seed in range(12):
        shuffle = random.Random(seed)
        case_id = await house.accepted("restaurant-opening", cooking_fumes=True)
        case = await house.case(case_id)
        departments = [step.department for step in case.acceptance.plan] if case.acceptance else []
        outcome = {each: "consent_with_conditions" if each == "fire" else "consent" for each in departments}
        events = [opinion(case, each, outcome[each]) for each in departments]
        events += shuffle.choices(events, k=4)  # delivered again
        shuffle.shuffle(events)
        while events:
            size = shuffle.randint(1, len(events))
            await house.hear(*events[:size])
            events = events[size:]
        ended = await house.case(case_id)
        names = await house.names(case_id)
        conditions = ended.decision.conditions if ended.decision else None
        ends.add(
            (ended.state, conditions, tuple(names[-2:]), len(names), await_free(await house.waiting(case_id)))
        )
    assert len(ends) == 1, ends
    assert next(iter(ends))[:3] == ("issued", ("keep 2 m free",), ("decision_made", "permit_issued"))


async def test_charge_payment_and_decision_in_any_order_issue_one_permit(house: IntakeHouse) -> None:
    ends = set()
    for number, order in enumerate(itertools.permutations(range(5))):
        if number % 7:  # a spread of the 120 orders
            continue
        case_id = await house.accepted()
        case = await house.case(case_id)
        bill = f"B-2026-7{number:05d}"
        events = [
            opinion(case, "urban_management"), opinion(case, "traffic_police"), charge(case, bill_no=bill),
            payment(case, bill_no=bill),
        ]  # fmt: skip
        for place in order:
            if place < len(events):
                await house.hear(events[place])
        assert (await house.case(case_id)).state == "decision_due", "no payment decides, no payment issues"
        await house.hear(decision(case))
        names = await house.names(case_id)
        ends.add(
            (
                (await house.case(case_id)).state,
                names.count("permit_issued"),
                await house.waiting(case_id) == (0, []),
            )
        )
    assert ends == {("issued", 1, True)}


def await_free(waiting: tuple[int, list[str]]) -> tuple[int, tuple[str, ...]]:
    """As a member of a set."""
    return waiting[0], tuple(waiting[1])
