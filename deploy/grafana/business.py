"""For the center's head: cases and promises, clocks and cards, money, the public log; for all and by department."""

from __future__ import annotations

from typing import Any

from deploy.grafana.panels import Query, Row, Variable, bars, dashboard, lines, number, table

ITEM = 'item=~"$item"'
AGENCY = 'agency=~"$agency"'
ENDED = 'state=~"delivered|declined|withdrawn"'
LEFT = ("overdue", "0", "1", "2", "3-5", "6-10", "more")


def _glance() -> Row:
    return Row("一览 · At a glance", (
        number("在办 · Open cases", "尚未办结的案件。Cases that are not at their end.",
               f"sum(center:cases:max{{{ITEM}}}) - sum(center:cases:max{{{ITEM}, {ENDED}}})", traces="intake"),
        number("收件 · Applications", "收到的全部申请。All applications received.",
               f"sum(center:cases:max{{{ITEM}}})"),
        number("承诺兑现率 · Promises kept", "在承诺日内作出的决定的比例。"
               "Share of decisions made by the promised day.",
               f'sum(center:decisions:max{{{ITEM}, promise="kept"}}) / sum(center:decisions:max{{{ITEM}}})',
               unit="percentunit", amber=0.99, red=0.95, falling=True, decimals=1),
        number("已超期 · Overdue", "正在走且已过最后一日的时限。Running clocks past their last day.",
               f'sum(center:clocks_open:max{{{AGENCY}, left="overdue"}})', red=1),
        number("今日到期 · Due today", "今日为最后一日的时限。Clocks whose last day is today.",
               f'sum(center:clocks_open:max{{{AGENCY}, left="0"}})', amber=1),
        number("红牌 · Red cards", "发出的全部红牌。All red cards issued.",
               f'sum(center:cards:max{{{AGENCY}, colour="red"}})', amber=1),
        number("已缴 · Fees paid", "已入国库的费用。Fees paid into the treasury account.",
               f'sum(center:fees_fen:max{{{ITEM}, step="paid"}}) / 100', unit="currencyCNY", decimals=2),
        number("公开记录 · Public records",
                "签名检查点所涵盖的公开日志记录。Leaves of the public log under its newest signed checkpoint.",
                "max(permit_log_signed_leaves)",
                traces="disclosure"),
    ))  # fmt: skip


def _cases() -> Row:
    kept = f'sum by (item) (center:decisions:max{{{ITEM}, promise="kept"}})'
    return Row("案件与承诺 · Cases and promises", (
        lines("案件状态 · Cases by state", "各状态的案件数。How many cases are in each state.",
              Query(f"sum by (state) (center:cases:max{{{ITEM}}})", "{{state}}"), stacked=True, traces="intake"),
        table("事项与状态 · By item and state", "各事项在各状态的案件数。Cases by item and state.",
              f"sum by (item, state) (center:cases:max{{{ITEM}}}) > 0"),
        bars("承诺兑现率 · Promises kept, by item", "在承诺日内作出的决定的比例。"
             "Share of decisions made by the promised day.",
             f"{kept} / (sum by (item) (center:decisions:max{{{ITEM}}}) > 0)", "{{item}}",
             unit="percentunit", amber=0.99, red=0.95, falling=True),
        lines("承诺 · Promises", "按期与逾期作出的决定。Decisions made by the promised day, and later.",
              Query(f"sum by (promise) (center:decisions:max{{{ITEM}}})", "{{promise}}"), stacked=True),
        lines("受理方式 · Acceptances", "材料齐全、补正后受理，或因未告知而视为受理。"
              "Accepted as complete, as corrected, or deemed accepted because no notice came in time.",
              Query(f"sum by (mode) (center:acceptances:max{{{ITEM}}})", "{{mode}}"), stacked=True),
        bars("补正 · Corrections", "收到一次性补正告知的申请占比，按事项。"
             "Share of applications that got the one-time notice, by item.",
             f"sum by (item) (center:corrections:max{{{ITEM}}}) / sum by (item) (center:cases:max{{{ITEM}}})",
             "{{item}}", unit="percentunit", amber=0.3),
    ))  # fmt: skip


def _clocks() -> Row:
    return Row("时限与亮牌 · Clocks and cards", (
        lines("剩余工作日 · Open clocks by days left", "正在走的时限，按剩余工作日。"
              "Running clocks by working days left.",
              *(Query(f'sum(center:clocks_open:max{{{AGENCY}, left="{left}"}})', left) for left in LEFT),
              stacked=True, traces="supervision"),
        table("谁今日到期 · Who is due", "今日到期或已超期，按部门与时限。Due today or overdue, by agency and clock.",
              f'sum by (agency, clock, left) (center:clocks_open:max{{{AGENCY}, left=~"overdue|0|1"}})', red=1),
        bars("超期 · Overdue by agency", "正在走且已过最后一日的时限。Running clocks past their last day.",
             f'sum by (agency) (center:clocks_open:max{{{AGENCY}, left="overdue"}})', "{{agency}}", red=1),
        lines("亮牌 · Cards", "发出的黄牌与红牌。Cards issued, by colour.",
              Query(f"sum by (colour) (center:cards:max{{{AGENCY}}})", "{{colour}}"), traces="supervision"),
        bars("红牌部门 · Red cards by agency", "各部门收到的红牌。Red cards each agency got.",
             f'sum by (agency) (center:cards:max{{{AGENCY}, colour="red"}})', "{{agency}}", amber=1),
        bars("按时率 · In time by agency", "已停的时限中按时的比例。Share of stopped clocks that were in time.",
             f'sum by (agency) (center:clocks:max{{{AGENCY}, state="in_time"}}) / '
             f'(sum by (agency) (center:clocks:max{{{AGENCY}, state=~"in_time|late"}}) > 0)',
             "{{agency}}", unit="percentunit", amber=0.99, red=0.95, falling=True),
    ))  # fmt: skip


def _money() -> Row:
    return Row("收费 · Fees", (
        lines("应缴与已缴 · Assessed and paid", "核定、已缴与取消的费用。What was assessed, paid and cancelled.",
              Query(f"sum by (step) (center:fees_fen:max{{{ITEM}}}) / 100", "{{step}}"),
              unit="currencyCNY", traces="fee"),
        table("按事项 · By item", "各事项核定、已缴与取消的费用，元。Assessed, paid and cancelled by item, in yuan.",
              f"sum by (item, step) (center:fees_fen:max{{{ITEM}}}) / 100", unit="currencyCNY", decimals=2),
        bars("缴款通知 · Bills", "缴款通知的状态。Bills by state.", "center:bills:max", "{{state}}"),
        lines("账户余额 · Ledger", "各类账户余额，合计必为零。What stands on accounts of each kind; the sum is 0.",
              Query("max by (kind) (permit_ledger_balance_fen) / 100", "{{kind}}"),
              Query("max(permit_ledger_sum_fen) / 100", "合计 · sum"), unit="currencyCNY"),
        number("账目不平的日子 · Unequal days", "缴款与入库不一致的日子，应为零。"
               "Days whose payments and treasury credits differ; must be 0.",
               "max(permit_ledger_days_unequal)", width=4, height=7, red=1),
        number("收费检查发现 · Findings on fees", "监督复算与收费不一致的次数。"
               "How often supervision's own recomputation of a charge differed.",
               'sum(center:findings:max{rule=~"AL 58.*|AL 59"})', width=4, height=7, red=1),
    ))  # fmt: skip


def _public() -> Row:
    return Row("公开与检查 · In public, and what was found", (
        lines("公开记录 · Public log", "公开日志的记录数，按种类。Leaves of the public log by kind.",
              Query("center:log_leaves:max", "{{kind}}"), stacked=True, traces="disclosure"),
        lines("等待证明 · Freshness", "最早一张尚无公开日志证明的凭证已等多久。"
              "Age of the oldest voucher without a proof from the public log.",
              Query("center:voucher_proof_age_seconds:max", "最久 · oldest"), unit="s", amber=30, red=120),
        number("最新检查点 · Newest checkpoint", "最新签名检查点的业务时间。Business time of the newest checkpoint.",
               "max(permit_log_signed_at_seconds) * 1000", unit="dateTimeAsIso", width=4, height=7),
        number("未签名记录 · Unsigned leaves", "尚无签名检查点的记录，应为零。"
               "Leaves under no signed checkpoint; must be 0.",
               "center:log_unsigned_leaves:max", width=4, height=7, red=1),
        bars("检查发现 · Findings", "监督出具的检查发现，按所违反的规则。Findings by the rule that was broken.",
             "center:findings:max", "{{rule}}", amber=1),
        bars("意见 · Opinions", "各部门的意见，按结果。Opinions of all departments by outcome.",
             "sum by (outcome) (department:opinions:max)", "{{outcome}}"),
        bars("待出具意见 · Opinions awaited", "可以出具而尚未出具的意见，按部门。"
             "Opinions that may be given and have not come, by department.",
             f"center:opinions_awaited:max{{{AGENCY}}}", "{{agency}}"),
    ))  # fmt: skip


def business() -> dict[str, Any]:
    """The dashboard of the whole center."""
    variables = (
        Variable("item", "事项 · Item", "center:cases:max", "item"),
        Variable("agency", "部门 · Agency", "center:clocks:max", "agency"),
    )
    rows = (_glance(), _cases(), _clocks(), _money(), _public())
    about = "案件、承诺、时限、收费与公开。Cases, promises, clocks, fees and the public log."
    return dashboard("onewindow-center", "中心 · The center", about, variables, rows, since="now-30d")


MINE, TIMED = 'department="$department"', 'agency="$department"'
MY_TRACES = "review/$department"


def _work() -> Row:
    return Row("本部门的工作 · Its work", (
        lines("任务 · Tasks", "任务数，按状态。Tasks by state.",
              Query(f"department:tasks:max{{{MINE}}}", "{{state}}"), stacked=True, traces=MY_TRACES),
        bars("剩余工作日 · Days left", "正在走的时限，按剩余工作日。Running clocks by working days left.",
             f"sum by (left) (center:clocks_open:max{{{TIMED}}})", "{{left}}"),
        bars("意见 · Opinions", "已出具的意见，按结果。Opinions given, by outcome.",
             f"department:opinions:max{{{MINE}}}", "{{outcome}}"),
        number("超期任务 · Overdue", "已过最后一日的任务。Tasks past their last day.",
               f"department:tasks_overdue:max{{{MINE}}}", red=1, width=4),
        number("待出具意见 · Awaited", "可以出具而尚未出具的意见。Opinions that may be given and have not come.",
               f"sum(center:opinions_awaited:max{{{TIMED}}})", amber=1, width=4),
        number("按时率 · In time", "已停的时限中按时的比例。Share of stopped clocks that were in time.",
               f'sum(center:clocks:max{{{TIMED}, state="in_time"}}) / '
               f'sum(center:clocks:max{{{TIMED}, state=~"in_time|late"}})',
               unit="percentunit", amber=0.99, red=0.95, falling=True, width=4),
        number("黄牌 · Yellow cards", "收到的黄牌。Yellow cards it got.",
               f'sum(center:cards:max{{{TIMED}, colour="yellow"}})', amber=1, width=4),
        number("红牌 · Red cards", "收到的红牌。Red cards it got.",
               f'sum(center:cards:max{{{TIMED}, colour="red"}})', red=1, width=4),
        number("材料未到 · Materials missing", "尚未从受理窗口取得的材料。Materials not yet fetched from intake.",
               f"department:materials_missing:max{{{MINE}}}", amber=1, width=4),
    ))  # fmt: skip


def _house() -> Row:
    seconds = f"permit_http_request_seconds_bucket{{{MINE}}}"
    return Row("本部门的进程 · Its process", (
        lines("请求 · Requests", "每秒请求数。Requests per second.",
              Query(f"service:http_requests:rate5m{{{MINE}}}", "请求 · requests"), unit="reqps", traces=MY_TRACES),
        lines("时延 · Latency", "95% 的应答时间；点为链路样本。95th percentile; the dots are traces.",
              Query(f"histogram_quantile(0.95, sum by (le) (rate({seconds}[5m])))", "95%"),
              unit="s", amber=0.5, traces=MY_TRACES),
        lines("队列 · Queue", "队列中的消息与死信。Messages in its queue and dead letters.",
              Query(f"queue:messages:max{{{MINE}}}", "{{queue}}"),
              Query(f"queue:dead_letters:max{{{MINE}}}", "{{queue}}"), amber=1000),
        lines("等待的事件 · Events waiting", "未发出、等待前序与已搁置的事件。Unsent, parked and set aside.",
              Query(f"service:outbox_unsent_events:max{{{MINE}}}", "未发出 · unsent"),
              Query(f"service:parked_events:max{{{MINE}}}", "等待前序 · parked"),
              Query(f"service:set_aside_events:max{{{MINE}}}", "已搁置 · set aside"), amber=1, traces=MY_TRACES),
    ))  # fmt: skip


def department() -> dict[str, Any]:
    """The dashboard of one department, chosen by variable."""
    chosen = Variable("department", "部门 · Department", "department:tasks:max", "department", several=False)
    about = "一个部门的任务、时限、亮牌与进程。One department's tasks, clocks, cards and process."
    rows = (_work(), _house())
    return dashboard("onewindow-department", "部门 · One department", about, (chosen,), rows, since="now-7d")
