"""The people of the demonstration as the provider knows them: all invented, password "onewindow"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PASSWORD = "onewindow"
HEALER = "healer"  # a program: of all functions it has the one by which lost deliveries are sent again
APPLICANTS = (
    "陈晓岚", "李文博", "王思远", "赵雅琴", "孙立群", "周慧敏",
    "吴建平", "郑雨桐", "冯海涛", "许静怡", "何志强", "高明月",
)  # fmt: skip


@dataclass(frozen=True)
class DemoPerson:
    """One login: the provider's subject, a name for pages, functions, perhaps a department."""

    sub: str
    name: str
    roles: tuple[str, ...]
    department: str | None = None


@dataclass(frozen=True)
class Department:
    """What the launcher needs of deploy/departments/<code>.yaml."""

    code: str
    name_zh: str
    name_en: str


def people(departments: Sequence[Department]) -> list[DemoPerson]:
    """Everybody who may log in to a demonstration center with these departments."""
    everybody = [
        DemoPerson(f"applicant-{number:02d}", name, ("applicant",))
        for number, name in enumerate(APPLICANTS, 1)
    ]
    everybody += [
        DemoPerson("agent-01", "林代理", ("agent",)),
        DemoPerson("window-01", "一号窗口 张洁", ("window_officer",)),
        DemoPerson("window-02", "二号窗口 刘峰", ("window_officer",)),
        DemoPerson("supervisor-01", "督查 沈正", ("supervisor",)),
        DemoPerson("finance-01", "财务 钱芸", ("finance_officer",)),
        DemoPerson("editor-01", "事项编辑 朱琳", ("catalogue_editor",)),
        DemoPerson("auditor-01", "审计 严明", ("auditor",)),
        DemoPerson("administrator-01", "系统管理员 罗进", ("system_administrator",)),
        DemoPerson("bank", "代收银行", ("payment_channel",)),
        DemoPerson(HEALER, "投递核对程序", ("healer",)),
    ]
    for department in departments:
        code, name = department.code, department.name_zh
        everybody.append(DemoPerson(f"{code}-examiner", f"{name} 审查员", ("examiner",), code))
        everybody.append(DemoPerson(f"{code}-head", f"{name} 负责人", ("department_head",), code))
    return everybody
