"""Fee's doors: who sees which bill, what the payment channel may report, and what the pages show."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.envelope import instant, new_id
from libs.references import applicant_ref
from services.fee.timers import show_figures
from tests.services.fee.conftest import NewBooks
from tests.services.fee.house import FeeDoors, fee_doors
from tests.services.fee.story import START, Story, tariff_published

SUM = 1_080_000
OWNER, OTHER = "applicant-01/applicant", "applicant-02/applicant"
FINANCE, AUDITOR, BANK = "finance-01/finance_officer", "auditor-01/auditor", "bank/payment_channel"
REFERENCE = applicant_ref("center", "applicant-01")


@pytest.fixture
async def doors(
    new_books: NewBooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FeeDoors]:
    async with fee_doors(await new_books(), tmp_path, monkeypatch, "demonstration") as running:
        await running.hear(tariff_published())
        yield running


async def billed(doors: FeeDoors, **changes: Any) -> tuple[Story, str]:
    story = Story(applicant_ref=REFERENCE, **changes)
    await doors.hear(story.item(), story.accepted(), story.decided())
    doors.clock.at = START + timedelta(minutes=2)
    [assessed] = await doors.said(story.case_id)
    return story, assessed["data"]["bill_no"]


def report(bill_no: str, **changes: Any) -> dict[str, Any]:
    paid_at = instant(START + timedelta(minutes=1))
    known = {"bill_no": bill_no, "amount_fen": SUM, "channel": "bank", "channel_ref": f"ref-{bill_no}"}
    return {**known, "paid_at": paid_at, **changes}


async def test_a_bill_is_seen_by_its_owner_and_by_finance_officers_alone(doors: FeeDoors) -> None:
    _, bill_no = await billed(doors)
    path = f"/api/bills/{bill_no}"
    mine = (await doors.get(path, OWNER)).json()
    assert (mine["total_fen"], mine["state"], mine["lines"][0]["rate"]) == (SUM, "open", "2.00")
    assert mine == (await doors.get(path, FINANCE)).json()
    foreign, missing = await doors.get(path, OTHER), await doors.get("/api/bills/B-2026-999999", OTHER)
    assert foreign.status_code == missing.status_code == 404
    drop = {"trace_id"}
    assert {k: v for k, v in foreign.json().items() if k not in drop} == {
        k: v for k, v in missing.json().items() if k not in drop
    }
    assert (await doors.get(path)).status_code == 401
    assert (await doors.get(path, "supervisor-01/supervisor")).status_code == 403
    lists = [(await doors.get("/api/bills", who)).json()["bills"] for who in (OWNER, OTHER, FINANCE)]
    assert [len(found) for found in lists] == [1, 0, 1]


@pytest.mark.parametrize("bill_no", ["x", "B-2026-1", "%00", "B-2026-000001%00", "B-2026-000001'--", "９"])
async def test_a_strange_bill_number_is_simply_not_there(doors: FeeDoors, bill_no: str) -> None:
    assert (await doors.get(f"/api/bills/{bill_no}", OWNER)).status_code == 404
    answer = await doors.post(f"/api/bills/{bill_no}/payment", {"channel": "demonstration"}, OWNER)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_bills_are_read_page_by_page(doors: FeeDoors) -> None:
    numbers = [(await billed(doors))[1] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        found = (await doors.get("/api/bills", OWNER, limit=2, **cursor)).json()
        seen += [bill["bill_no"] for bill in found["bills"]]
        if found["next"] is None:
            break
        cursor = {"cursor": found["next"]}
    assert seen == sorted(numbers, reverse=True)
    for bad in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"limit": "many"}):
        assert (await doors.get("/api/bills", OWNER, **bad)).status_code == 422


async def test_an_applicant_pays_the_own_bill_once(doors: FeeDoors) -> None:
    story, bill_no = await billed(doors)
    path, body = f"/api/bills/{bill_no}/payment", {"channel": "demonstration"}
    assert (await doors.post(path, body, OTHER)).status_code == 404
    assert (await doors.post(path, body, FINANCE)).status_code == 403
    assert (await doors.post(path, body)).status_code == 401
    key = new_id()
    first = await doors.post(path, body, OWNER, key)
    again = await doors.post(path, body, OWNER, key)
    assert first.status_code == 201
    assert first.content == again.content
    assert (await doors.post(path, body, OWNER)).json()["code"] == "already_paid"
    assert (await doors.get(f"/api/bills/{bill_no}", OWNER)).json()["state"] == "paid"
    assert len(await doors.said(story.case_id)) == 2


async def test_the_channel_reports_with_its_own_identity_only(doors: FeeDoors) -> None:
    _, bill_no = await billed(doors)
    for who, status in ((None, 401), (OWNER, 403), (FINANCE, 403), (AUDITOR, 403)):
        assert (await doors.post("/api/channel/payments", report(bill_no), who)).status_code == status
    done = await doors.post("/api/channel/payments", report(bill_no), BANK)
    replayed = await doors.post("/api/channel/payments", report(bill_no), BANK)
    assert done.status_code == replayed.status_code == 201
    assert done.json() == replayed.json()
    assert (await doors.get("/api/bills", BANK)).status_code == 403


BAD_REPORTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "amount as text": ({"amount_fen": str(SUM)}, 422, "invalid_request"),
    "amount as float": ({"amount_fen": float(SUM)}, 422, "invalid_request"),
    "amount as truth": ({"amount_fen": True}, 422, "invalid_request"),
    "no amount": ({"amount_fen": None}, 422, "invalid_request"),
    "unknown member": ({"discount": 1}, 422, "invalid_request"),
    "moment without zone": ({"paid_at": "2026-01-06T01:01:00"}, 422, "invalid_request"),
    "moment as number": ({"paid_at": 1767661260}, 422, "invalid_request"),
    "reference with a NUL": ({"channel_ref": "a\x00b"}, 422, "invalid_request"),
    "endless reference": ({"channel_ref": "a" * 101}, 422, "invalid_request"),
    "strange channel": ({"channel": "Bank; DROP"}, 422, "invalid_request"),
    "wrong amount": ({"amount_fen": SUM - 100}, 422, "wrong_amount"),
    "a million digits": ({"amount_fen": 10**300}, 422, "wrong_amount"),
    "wrong currency": ({"currency": "USD"}, 422, "wrong_currency"),
    "unknown bill": ({"bill_no": "B-2026-999999"}, 404, "unknown_bill"),
    "last year": ({"paid_at": "2025-01-06T01:01:00Z"}, 422, "paid_at_impossible"),
}


@pytest.mark.parametrize("name", BAD_REPORTS)
async def test_a_bad_report_is_refused_with_a_code_and_changes_nothing(doors: FeeDoors, name: str) -> None:
    story, bill_no = await billed(doors)
    change, status, code = BAD_REPORTS[name]
    answer = await doors.post("/api/channel/payments", {**report(bill_no), **change}, BANK)
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await doors.owed(story.case_id) == SUM
    assert await doors.rows("SELECT count(*) FROM settlements") == [(0,)]


async def test_a_command_needs_a_key_and_the_key_one_request(doors: FeeDoors) -> None:
    _, bill_no = await billed(doors)
    missing = await doors.client.post(
        "/api/channel/payments", json=report(bill_no), headers={"x-person": BANK}
    )
    assert missing.json()["code"] == "client_key_missing"
    key = new_id()
    await doors.post("/api/channel/payments", report(bill_no), BANK, key)
    other = await doors.post("/api/channel/payments", report(bill_no, channel_ref="x"), BANK, key)
    assert (other.status_code, other.json()["code"]) == (422, "client_key_reused")


async def test_the_books_are_read_by_finance_officers_and_auditors(doors: FeeDoors) -> None:
    _, paid = await billed(doors)
    await billed(doors)
    await doors.post("/api/channel/payments", report(paid), BANK)
    for path in ("/api/ledger/balances", "/api/ledger/transactions"):
        assert (await doors.get(path, OWNER)).status_code == 403
        assert (await doors.get(path, AUDITOR)).json() == (await doors.get(path, FINANCE)).json()
    books = (await doors.get("/api/ledger/balances", FINANCE)).json()
    balances = {each["kind"]: each["balance_fen"] for each in books["balances"]}
    assert balances == {"receivable": SUM, "revenue": -2 * SUM, "treasury": SUM}
    assert books["sum_fen"] == 0
    assert [(day["paid_fen"], day["credited_fen"], day["equal"]) for day in books["days"]] == [
        (SUM, SUM, True)
    ]
    first = (await doors.get("/api/ledger/transactions", FINANCE, limit=2)).json()
    rest = (await doors.get("/api/ledger/transactions", FINANCE, cursor=first["next"])).json()
    kinds = [each["kind"] for each in first["transactions"] + rest["transactions"]]
    assert kinds == ["payment", "charge", "charge"]
    assert rest["next"] is None


async def test_the_figures_for_prometheus_are_those_of_the_books(doors: FeeDoors) -> None:
    _, paid = await billed(doors)
    await billed(doors)
    await doors.post("/api/channel/payments", report(paid), BANK)
    async with doors.engine.connect() as reader:
        await show_figures(reader)
    figures = (await doors.client.get("/metrics")).text
    for line in (
        'permit_bills{state="open"} 1.0',
        'permit_bills{state="paid"} 1.0',
        f'permit_ledger_balance_fen{{kind="treasury"}} {SUM / 1e6}e+06',
        "permit_ledger_days_unequal 0.0",
        "permit_ledger_sum_fen 0.0",
    ):
        assert line in figures


async def test_the_bill_page_draws_the_sum_and_leads_to_payment(doors: FeeDoors) -> None:
    story, bill_no = await billed(doors)
    path = f"/bills/{bill_no}"
    html = await doors.page(path, OWNER)
    ledger = re.search(r'<dl class="ow-ledger".*?</dl>', html, re.S)
    assert ledger
    words = re.findall(r"<d[td]>(.*?)</d[td]>", ledger[0])
    assert words == [
        "面积（平方米）", "120", "天数", "45", "单价（元）", "2.00", "二类，非经营性，三个月以内",
        "应缴", "10,800.00 元", "缴入国库",
    ]  # fmt: skip
    assert "《城市道路管理条例》第 37 条" in html
    assert html.count("<button") == 1
    english = await doors.page(path, OWNER, lang="en")
    assert "¥10,800.00" in english
    assert "zone 2, other, up to 3 months" in english
    assert "How the sum came about" in english
    done = await doors.form(f"{path}/payment", OWNER)
    assert (done.status_code, done.headers["location"]) == (303, path)
    paid = await doors.page(path, OWNER)
    assert "ow-seal" in paid
    assert "<button" not in paid
    again = await doors.form(f"{path}/payment", OWNER)
    assert again.status_code == 409
    assert "This bill has been paid" in again.text  # the language chosen before is kept
    assert len(await doors.said(story.case_id)) == 2


async def test_the_bill_page_links_its_proof_when_it_is_there(doors: FeeDoors) -> None:
    story, bill_no = await billed(doors)
    assert "正在写入公开日志" in await doors.page(f"/bills/{bill_no}", OWNER)
    [assessed] = await doors.said(story.case_id)
    await doors.hear(story.recorded(assessed))
    assert "/records/7" in await doors.page(f"/bills/{bill_no}", OWNER)


async def test_a_form_from_elsewhere_or_by_another_person_pays_nothing(doors: FeeDoors) -> None:
    story, bill_no = await billed(doors)
    path = f"/bills/{bill_no}/payment"
    assert (await doors.form(path, OWNER, origin="http://evil.test")).status_code == 403
    assert (await doors.form(path, OTHER)).status_code == 404
    assert await doors.owed(story.case_id) == SUM


async def test_a_cancelled_bill_says_why_in_both_languages(doors: FeeDoors) -> None:
    story = Story(applicant_ref=REFERENCE, timing="on_acceptance")
    await doors.hear(story.item(), story.accepted())
    bill_no = (await doors.said(story.case_id))[0]["data"]["bill_no"]
    await doors.hear(story.withdrawn())
    assert "申请已撤回" in await doors.page(f"/bills/{bill_no}", OWNER)
    assert "the application was withdrawn" in await doors.page(f"/bills/{bill_no}", OWNER, lang="en")


async def test_lists_and_books_have_pages_full_and_empty(doors: FeeDoors) -> None:
    assert (await doors.client.get("/")).headers["location"] == "/bills"
    assert "还没有账单" in await doors.page("/bills", OWNER)
    assert "还没有收款" in await doors.page("/treasury", FINANCE)
    _, bill_no = await billed(doors)
    await doors.post("/api/channel/payments", report(bill_no), BANK)
    assert bill_no in await doors.page("/bills", OWNER)
    assert bill_no not in await doors.page("/bills", OTHER)
    books = await doors.page("/treasury", FINANCE)
    assert "相符" in books
    assert "不符" not in books
    assert "10,800.00" in books
    english = await doors.page("/treasury", AUDITOR, lang="en")
    body = re.sub(r'lang="zh-CN"[^<]*<', "", english)
    assert not re.search(r"[\u4e00-\u9fff]", body), re.findall(r"[\u4e00-\u9fff]+", body)
    refused = await doors.client.get("/treasury", headers={"x-person": OWNER, "accept": "text/html"})
    assert refused.status_code == 403


async def test_without_the_demonstration_channel_the_page_offers_no_button(
    new_books: NewBooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fee_doors(await new_books(), tmp_path, monkeypatch, "bank") as real:
        await real.hear(tariff_published())
        _, bill_no = await billed(real)
        html = await real.page(f"/bills/{bill_no}", OWNER)
        assert "<button" not in html
        assert "怎样缴费" in html
        refused = await real.post(f"/api/bills/{bill_no}/payment", {"channel": "demonstration"}, OWNER)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_channel_closed")
