"""One application followed by real people in real browsers: portal, form, window, departments, bill, permit, proof.

Every page is read and every act is done by page forms with scripts switched off; axe and the width of a phone
are checked at the pages a person stays at. ONEWINDOW_SCREENSHOTS=<folder> keeps a picture of each.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload

from deploy.launcher.story.play import new_story
from deploy.launcher.story.script import in_hours
from tests.browser.kit.looking import open_browser
from tests.browser.person import BrowsingPerson
from tests.center import WholeCenter

VERIFIER = Path(__file__).parents[2] / "deploy" / "verify" / "verify.py"
ITEM = "road-occupation"
PAPER = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"
TYPED = {"area_m2": "120", "starts_on": "2026-02-10", "ends_on": "2026-03-27", "days": "45"}
MATERIALS = ("site-plan", "site-photo", "traffic-plan", "restoration-undertaking")


class Journey:
    """The center, the people met so far, and what is known of the case."""

    def __init__(self, center: WholeCenter, browser: Browser, stack: AsyncExitStack) -> None:
        self.center = center
        self.case_id = ""
        self.number = ""
        self._browser = browser
        self._stack = stack
        self._people: dict[str | None, BrowsingPerson] = {}
        self._working_day = new_story(center.cast)[0].working_day

    def site(self, service: str, path: str = "/", department: str | None = None) -> str:
        """An address of a house."""
        return f"{self.center.site(service, department)}{path}"

    async def person(self, name: str | None = None) -> BrowsingPerson:
        """The person of this login, with a browser of his own."""
        if name not in self._people:
            person = await BrowsingPerson.at(self._browser, self.center.center.issuer, name)
            self._stack.push_async_callback(person.close)
            self._people[name] = person
        return self._people[name]

    async def hours_pass(self, hours: int) -> None:
        """Let every message arrive, then move business time on, within business hours."""
        until = in_hours(self.center.now + timedelta(hours=hours), self._working_day)
        await asyncio.to_thread(self.center.advance, until)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nobody has anything left to do."""
        await asyncio.to_thread(self.center.settle)


@asynccontextmanager
async def journey(center: WholeCenter) -> AsyncIterator[Journey]:
    """A journey with its browser, both closed at the end."""
    async with open_browser() as browser, AsyncExitStack() as stack:
        yield Journey(center, browser, stack)


@pytest.mark.timeout(600)
async def test_one_application_goes_through_the_house_in_browsers(
    center: WholeCenter, tmp_path: Path
) -> None:
    async with journey(center) as told:
        await told.hours_pass(1)
        await _finds_it_and_reads_the_guide(told)
        await _files_it_at_the_second_try(told)
        await _the_window_accepts(told)
        await _the_departments_consent(told)
        await _the_head_signs(told)
        await _the_applicant_pays_and_takes_the_permit(told)
        await _anyone_reads_the_record_and_proves_it(told, tmp_path)
        await _supervision_saw_every_clock(told)


async def _finds_it_and_reads_the_guide(told: Journey) -> None:
    applicant = await told.person("applicant-01")
    await applicant.go(told.site("disclosure"))
    await applicant.look("portal")
    await applicant.page.fill("input[name=q]", "临时占用")
    await applicant.press("查找")
    await applicant.click("看办事指南")
    assert applicant.page.url.endswith(f"/items/{ITEM}")
    await applicant.look("guide")
    await applicant.page.fill("#area_m2", "120")
    await applicant.page.fill("#days", "45")
    await applicant.page.select_option("#zone", "2")
    await applicant.page.select_option("#use", "other")
    await applicant.press("计算")
    assert "10,800.00 元" in await applicant.text()
    await applicant.click("开始申请")
    assert applicant.page.url == told.site("intake", f"/apply/{ITEM}")


def _paper(name: str) -> FilePayload:
    return FilePayload(name=name, mimeType="application/pdf", buffer=PAPER)


async def _files_it_at_the_second_try(told: Journey) -> None:
    applicant = await told.person("applicant-01")
    page = applicant.page
    for code, value in TYPED.items():
        await page.fill(f'[name="facts.{code}"]', "很多" if code == "area_m2" else value)
    await page.check('[name="facts.zone"][value="2"]')
    await page.check('[name="facts.use"][value="other"]')
    for code in MATERIALS:
        await page.set_input_files(f'[name="materials.{code}"]', _paper(f"{code}.pdf"))
    await applicant.press("提交申请")
    await applicant.look("apply-refused")
    summary = page.locator(".govuk-error-summary")
    assert await summary.locator('a[href="#facts.area_m2"]').count() == 1
    assert await page.input_value('[name="facts.area_m2"]') == "很多"
    assert await page.input_value('[name="facts.days"]') == TYPED["days"]
    assert await page.is_checked('[name="facts.zone"][value="2"]')
    assert "已经收下：site-plan.pdf" in await applicant.text()
    await page.fill('[name="facts.area_m2"]', TYPED["area_m2"])
    await applicant.press("提交申请")
    found = re.search(r"AL-\d{4}-\d{6}", await applicant.text())
    assert found, await applicant.text()
    told.number, told.case_id = found[0], page.url.split("/cases/")[1].partition("?")[0]
    assert "凭证已签名" in await applicant.text()
    await applicant.look("receipt")


async def _the_window_accepts(told: Journey) -> None:
    await told.hours_pass(1)
    officer = await told.person("window-01")
    await officer.go(told.site("intake", "/desk"))
    await officer.look("window-desk")
    await officer.click(told.number)
    await officer.look("window-case")
    await officer.press("受理")
    assert "个部门的审查" in await officer.text()
    await _the_wall_shows_clocks_running(told)


async def _the_wall_shows_clocks_running(told: Journey) -> None:
    await told.hours_pass(1)
    public = await told.person(None)
    await public.go(told.site("supervision"))
    running = await public.page.inner_text("#clocks")
    assert all(name in running for name in ("城市管理", "公安交警")), running
    assert told.number not in await public.text(), "the public sees figures, not cases"
    await public.look("wall")


async def _the_departments_consent(told: Journey) -> None:
    await told.hours_pass(1)
    for department in ("urban_management", "traffic_police"):
        examiner = await told.person(f"{department}-examiner")
        page = examiner.page
        await examiner.go(told.site("review", "/desk", department))
        await page.locator("tr", has_text=told.number).get_by_role("link").click()
        if department == "urban_management":
            await examiner.press("签名并送出")
            assert await page.locator(".govuk-error-summary").count() == 1
            await examiner.look("opinion-refused")
        for answer in await page.locator('input[type=radio][value="met"]').all():
            await answer.check()
        for evidence in await page.locator('textarea[name$="-evidence"]').all():
            await evidence.fill("现场查看，符合")
        await page.check('[name="outcome"][value="consent"]')
        await examiner.press("签名并送出")
        assert "意见已签名并送出" in await examiner.text()
        await told.hours_pass(1)
    await _the_track_board_says_so(told)


async def _the_track_board_says_so(told: Journey) -> None:
    applicant = await told.person("applicant-01")
    await applicant.go(told.site("intake", f"/cases/{told.case_id}"))
    assert (await applicant.page.inner_text("#lanes")).count("同意") == 2
    await applicant.look("case")
    await applicant.page.click(".ow-lang")
    assert await applicant.page.get_attribute("html", "lang") == "en"
    assert "working day" in await applicant.text()
    await applicant.look("case-en")
    await applicant.page.click(".ow-lang")


async def _the_head_signs(told: Journey) -> None:
    head = await told.person("urban_management-head")
    await head.go(told.site("review", "/desk", "urban_management"))
    await head.page.locator("tr", has_text=told.number).get_by_role("link").click()
    await head.page.check('[name="decision"][value="granted"]')
    await head.page.fill('[name="reason-text"]', "各部门同意，符合全部条件")
    await head.look("decision")
    await head.press("签名并送出")
    assert "决定已签名并送出" in await head.text()
    await told.hours_pass(1)


async def _the_applicant_pays_and_takes_the_permit(told: Journey) -> None:
    applicant = await told.person("applicant-01")
    await applicant.go(told.site("intake", f"/cases/{told.case_id}"))
    await applicant.click("看账单并缴费")
    assert "10,800.00 元" in await applicant.text()
    await applicant.look("bill")
    await applicant.press("缴 10,800.00 元")
    assert "已收到 10,800.00 元" in await applicant.text()
    await told.settle()
    await applicant.click(f"申请 {told.number}")
    await applicant.press("领取")
    assert re.search(r"许可证 AP-\d{4}-\d{6}", await applicant.text())
    await told.settle()
    await applicant.page.reload()
    await applicant.look("permit-taken")


async def _anyone_reads_the_record_and_proves_it(told: Journey, folder: Path) -> None:
    public = await told.person(None)
    await public.go(told.site("disclosure", "/records?kind=decision"))
    await public.page.fill("#q", told.number)
    await public.press("查找")
    await public.click("准予：临时占用城市道路审批")
    assert await public.page.locator("#proof svg").count() >= 1
    assert "核对无误" in await public.text()
    await public.look("record")
    paper = await public.download("下载存证", folder / "receipt.json")
    key = (
        await asyncio.to_thread(told.center.run, told.center.cast.text(told.site("disclosure", "/log/key")))
    ).strip()
    proof = await asyncio.to_thread(
        subprocess.run, [sys.executable, str(VERIFIER), "receipt", str(paper), key],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert told.number in proof.stdout


async def _supervision_saw_every_clock(told: Journey) -> None:
    supervisor = await told.person("supervisor-01")
    await supervisor.go(told.site("supervision", f"/cases/{told.case_id}"))
    clocks = await supervisor.page.inner_text("#clocks")
    assert all(name in clocks for name in ("城市管理", "公安交警", "按期")), clocks
    assert "逾期" not in clocks.replace("逾期 0", "")
    await supervisor.look("supervised-case")
