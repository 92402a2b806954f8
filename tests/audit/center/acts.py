"""What the people of the recorded center do to one case, said as the services would say it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from deploy.audit.snapshot import Answered
from libs.conditions import holds
from libs.deadlines import legal_day
from libs.envelope import Event, instant
from libs.signatures import document_sha256
from services.disclosure.domain import leaves
from services.fee.domain.assessment import assess
from services.fee.domain.tariffs import Tariff
from tests.audit.center.record import Recording, local


class CaseStory:
    """One case; every act takes local time (``01-05 10:00``) and says its events."""

    def __init__(self, recording: Recording, number: int, item_code: str, facts: dict[str, Any]) -> None:
        self.record = recording
        self.case_id = f"{number:02x}" * 16
        self.item = recording.items[item_code]
        self.limits = self.item["limits"]
        self.facts = facts
        self.a = {"application_no": f"AL-2026-{number:06d}", "item_code": item_code, "item_version": 1}
        self.received_at = self.accepted_at = self.decided_at = local("01-01 00:00")
        self.bill: dict[str, Any] = {}

    def intake(self, event: str, at: datetime, to: str | None = None, /, **data: Any) -> Event:
        """Intake speaks about the case."""
        name = f"intake.{event}.v1"
        return self.record.say("intake", name, self.case_id, at, {**self.a, **data}, to)

    def paper(self, issuer: str, kind: str, **body: Any) -> dict[str, Any]:
        """A signed paper about the case."""
        return self.record.sign(issuer, kind, {**self.a, "case_id": self.case_id, **body})

    def plan(self) -> list[dict[str, Any]]:
        """The item's plan as far as its conditions hold."""
        return [step for step in self.item["plan"] if holds(step["when"], self.facts)]

    def receive(self, at: str) -> None:
        """Filed; a voucher at once; every planned department is asked to check."""
        now = self.received_at = local(at)
        clock = self.record.clock("notice", legal_day(now), self.limits["notice_wd"])
        event = self.intake(
            "application_received", now, applicant={"kind": "legal", "ref": "r"}, channel="online",
            received_at=instant(now), facts=self.facts, materials=[], clock=clock,
            voucher=self.paper("intake", "voucher", act="received"),
        )  # fmt: skip
        receipt = {"case_id": self.case_id, "application_no": self.a["application_no"], "state": "received"}
        body = json.dumps({**receipt, "voucher": event.data["voucher"]})
        key = f"key-{self.case_id[:12]}"
        self.record.answers.append(Answered("applicant-01", key, 201, body, self.case_id))
        self.record.voucher_leaf(event, "received", now)
        for step in self.plan():
            self.intake(
                "completeness_check_requested", now, step["department"], department=step["department"],
                facts=self.facts, materials=[], capability="c",
                clock=self.record.clock("check", legal_day(now), self.limits["check_wd"]),
            )  # fmt: skip

    def report_defects(self, department: str, at: str) -> None:
        """A department names what is missing."""
        self.department(department, "defects_reported", local(at), defects=[], reported_at=instant(local(at)))

    def department(self, department: str, event: str, at: datetime, **data: Any) -> Event:
        """A department speaks about the case."""
        data = {**self.a, "department": department, **data}
        return self.record.say(f"review.{department}", f"review.{event}.v1", self.case_id, at, data)

    def correct(self, noticed: str, answered: str) -> None:
        """The one-time notice and its answer."""
        now = local(noticed)
        notice = self.paper("intake", "notice", act="correction_requested")
        self.intake("correction_requested", now, defects=[], requested_at=instant(now), notice=notice)
        then = local(answered)
        self.intake("application_corrected", then, facts=self.facts, materials=[], corrected_at=instant(then))
        self.accepted_at = then

    def decline(self, at: str) -> None:
        """Not this agency's; the right one is named."""
        event = self.intake(
            "application_declined", local(at), reason_code="not_competent", reason="r",
            right_agency={"zh": "省局", "en": "Provincial bureau"}, declined_at=instant(local(at)),
            voucher=self.paper("intake", "voucher", act="declined"),
        )  # fmt: skip
        self.record.voucher_leaf(event, "declined", local(at))

    def accept(self, at: str, mode: str = "complete") -> None:
        """Accepted; the fan-out."""
        now = local(at)
        if mode != "corrected":
            self.accepted_at = self.received_at
        since = legal_day(self.accepted_at)
        clocks = [
            self.record.clock("decision_promised", since, self.limits["promised_wd"]),
            self.record.clock("decision_statutory", since, self.limits["statutory_wd"]),
        ]
        steps = [{name: step[name] for name in ("department", "role", "limit_wd", "after", "conditions")}
                 for step in self.plan()]  # fmt: skip
        event = self.intake(
            "application_accepted", now, accepted_at=instant(self.accepted_at), mode=mode, facts=self.facts,
            plan=steps, lead=self.item["lead"], decision=self.item["decision"], clocks=clocks,
            voucher=self.paper("intake", "voucher", act="accepted"), said_at=instant(now),
        )  # fmt: skip
        self.record.voucher_leaf(event, "accepted", self.accepted_at)
        for step in steps:
            waits = bool(step["after"])
            clock = None if waits else self.record.clock("review", legal_day(now), step["limit_wd"])
            self.intake(
                "review_requested", now, step["department"], department=step["department"], role=step["role"],
                facts=self.facts, materials=[], capability="c", after=step["after"], released=not waits,
                clock=clock, conditions=step["conditions"],
            )  # fmt: skip

    def release(self, department: str, at: str) -> None:
        """Its predecessors are done."""
        limit = next(step["limit_wd"] for step in self.plan() if step["department"] == department)
        clock = self.record.clock("review", legal_day(local(at)), limit)
        self.intake("review_released", local(at), department, department=department, opinions=[], clock=clock)

    def opine(self, department: str, at: str, outcome: str = "consent") -> None:
        """A department's signed opinion."""
        paper = self.paper(f"review/{department}", "opinion", department=department, outcome=outcome)
        self.department(
            department, "opinion_given", local(at), outcome=outcome, reasons=[], conditions=[],
            given_at=instant(local(at)), opinion=paper,
        )  # fmt: skip

    def ask_lead(self, at: str) -> None:
        """All opinions are in."""
        lead = self.item["lead"]
        clock = self.record.clock(
            "decision_promised", legal_day(self.accepted_at), self.limits["promised_wd"]
        )
        self.intake(
            "decision_due", local(at), lead, department=lead, facts=self.facts, opinions=[], clock=clock
        )

    def decide(self, at: str, decision: str = "granted", reasons: list[dict[str, Any]] | None = None) -> None:
        """The lead signs."""
        self.decided_at, lead = local(at), self.item["lead"]
        event = self.department(
            lead, "decision_made", local(at), decision=decision, reasons=reasons or [], conditions=[], answers=[],
            decided_at=instant(local(at)),
            decision_document=self.paper(f"review/{lead}", "decision", department=lead, decision=decision),
        )  # fmt: skip
        self.record.decision_leaf(event, lead)

    def consent(self, at: str) -> None:
        """Unanimous consent decides by itself."""
        self.decided_at = local(at)
        event = self.intake(
            "decision_made", local(at), decision="granted", reasons=[], conditions=[],
            decided_at=instant(local(at)), decision_document=self.paper("intake", "decision", decision="granted"),
        )  # fmt: skip
        self.record.decision_leaf(event, None)

    def charge(self, at: str) -> None:
        """Fee assesses by the published tariff and books it."""
        fee = self.item["fee"]
        tariff = Tariff.model_validate(self.record.tariffs[fee["tariff_code"]])
        inputs = {name: self.facts[field] for name, field in fee["inputs"].items()}
        told = assess(tariff, inputs, legal_day(self.accepted_at)).model_dump(mode="json")
        total, number = told["total_fen"], f"B-2026-{len(self.record.said['fee']) + 1:06d}"
        paper = self.paper("fee", "bill", bill_no=number, total_fen=total)
        self.bill = {**self.a, "bill_no": number, "amount_fen": total}
        event = self.record.say("fee", "fee.charge_assessed.v1", self.case_id, local(at), {
            **self.a, "bill_no": number, "tariff_code": told["tariff_code"],
            "tariff_version": told["tariff_version"], "lines": told["lines"], "total_fen": total,
            "subject_code": told["subject_code"], "payee": "treasury", "assessed_at": instant(local(at)),
            "bill": paper,
        })  # fmt: skip
        leaf = leaves.bill_leaf(
            bill_no=number, tariff_code=told["tariff_code"], tariff_version=told["tariff_version"],
            total_fen=total, at=instant(local(at)), document_sha256=document_sha256(paper),
        )  # fmt: skip
        self.record.leaf(leaf, event)
        self._book("charge", "receivable", "revenue")
        row = {"bill_no": number, "case_id": self.case_id, "total_fen": total}
        self.record.tables["fee"].setdefault("bills", []).append(row)

    def _book(self, kind: str, gains: str, gives: str) -> None:
        fee = self.record.tables["fee"]
        number, amount = f"T-{len(fee.get('ledger_transactions', [])) + 1}", self.bill["amount_fen"]
        row = {"transaction_no": number, "kind": kind, "bill_no": self.bill["bill_no"]}
        fee.setdefault("ledger_transactions", []).append(row)
        for account, fen in ((gains, amount), (gives, -amount)):
            entry = {"transaction_no": number, "account_no": f"{account}/sample", "amount_fen": fen}
            fee.setdefault("ledger_entries", []).append(entry)
        fee["accounts"] = [{"account_no": f"{name}/sample"} for name in ("treasury", "receivable", "revenue")]

    def pay(self, at: str) -> None:
        """The applicant pays; the treasury receives."""
        data = {
            **self.bill, "channel": "demonstration", "channel_ref": "x", "received_at": instant(local(at)),
            "receipt": self.paper("fee", "receipt", bill_no=self.bill["bill_no"]),
        }  # fmt: skip
        self.record.say("fee", "fee.payment_received.v1", self.case_id, local(at), data)
        self._book("payment", "treasury", "receivable")
        settled = {"bill_no": self.bill["bill_no"], "amount_fen": self.bill["amount_fen"]}
        self.record.tables["fee"].setdefault("settlements", []).append(settled)

    def issue(self, at: str, kind: str = "permit") -> None:
        """The permit, or the refusal with its remedies."""
        clock = self.record.clock("delivery", legal_day(self.decided_at), self.limits["delivery_wd"])
        if kind == "permit":
            number = f"AP-2026-{int(self.a['application_no'][-6:]):06d}"
            self.intake(
                "permit_issued", local(at), permit_no=number, issued_at=instant(local(at)),
                valid_from="2026-01-15", valid_until=None, conditions=[], clock=clock,
                permit=self.paper("intake", "permit", permit_no=number),
            )  # fmt: skip
        else:
            reasons = [{"condition": None, "text": "t", "article": "1"}]
            remedies = [{"kind": "reconsideration", "authority": {"zh": "z", "en": "e"}, "until_on": None}]
            self.intake(
                "refusal_issued", local(at), reasons=reasons, remedies=remedies, issued_at=instant(local(at)),
                clock=clock, refusal=self.paper("intake", "refusal"),
            )  # fmt: skip

    def deliver(self, at: str, kind: str = "permit") -> None:
        """Into the applicant's hands."""
        self.intake(
            "document_delivered", local(at), document_kind=kind, delivered_at=instant(local(at)), how="online",
            document_sha256="",
        )  # fmt: skip

    def withdraw(self, at: str, *departments: str) -> None:
        """The applicant takes it back; whoever still works on it is told."""
        self.intake("application_withdrawn", local(at), withdrawn_at=instant(local(at)), stage="accepted")
        for department in departments:
            reason = "application_withdrawn"
            self.intake("review_closed", local(at), department, department=department, reason=reason)
