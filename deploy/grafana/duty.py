"""For people on duty: is every house at work, do events arrive, does every case that can move move?"""

from __future__ import annotations

from typing import Any

from deploy.grafana.panels import Query, Row, Variable, bars, dashboard, lines, number, table

HOUSE = "{{service}} {{department}}"
CHOSEN = 'service=~"$service", department=~"$department"'


def _quantile(share: float, by: str) -> str:
    seconds = f'permit_http_request_seconds_bucket{{{CHOSEN}, route!="/metrics"}}'
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({seconds}[5m])))"


def _glance() -> Row:
    return Row("一览 · At a glance", (
        number("未就绪 · Houses not ready", "没有任何副本就绪的服务数。Houses of which no replica is ready.",
               "count(service:ready:max == 0) or vector(0)", red=1),
        number("呼叫 · Pages firing", "须立即处理的告警。Alerts that wake somebody.",
               'sum(ALERTS{alertstate="firing", severity="page"}) or vector(0)', red=1),
        number("待办告警 · Tickets firing", "下一工作日处理的告警。Alerts for the next working day.",
               'sum(ALERTS{alertstate="firing", severity="ticket"}) or vector(0)', amber=1),
        number("发件箱滞后 · Outbox lag", "最早一个已提交而未获确认的事件已等多久。"
               "Age of the oldest event committed and not confirmed.",
               "max(service:outbox_lag_seconds:max)", unit="s", amber=5, red=30),
        number("齐备而未推进 · Join age", "意见齐备却未推进的案件已等多久，应为零。"
               "For how long a complete case has not moved; must be 0.",
               "center:join_age_seconds:max", unit="s", red=60),
        number("已搁置 · Set aside", "放弃处理、等人处理的事件。Events given up, waiting for a person.",
               "sum(service:set_aside_events:max)", amber=1, red=20),
        number("死信 · Dead letters", "接收方反复崩溃的消息。Messages on which a hearer died again and again.",
               "sum(queue:dead_letters:max)", amber=1),
        number("等待证明 · Proof age", "最早一张尚无公开日志证明的凭证已等多久。"
               "Age of the oldest voucher without a proof from the public log.",
               "center:voucher_proof_age_seconds:max", unit="s", amber=30, red=120),
    ))  # fmt: skip


def _doors() -> Row:
    return Row("门 · At the doors: traffic, errors, latency", (
        lines("请求 · Requests", "每秒请求数，按服务。Requests per second, by house.",
              Query(f"service:http_requests:rate5m{{{CHOSEN}}}", HOUSE), unit="reqps", traces="service"),
        lines("失败比例 · Errors", "以 5xx 应答的比例，承诺低于千分之一。"
              "Share answered with 5xx; the promise is below 0.1 %.",
              Query('service:http_errors:ratio_rate5m{service=~"$service"}', "{{service}}"),
              unit="percentunit", amber=0.001, red=0.0144, traces="${__field.labels.service}"),
        lines("时延 · Latency", "应答时间的中位、95% 和 99%；图中的点是链路样本，点击可达。"
              "Median, 95th and 99th percentile; the dots are traces to click.",
              *(Query(_quantile(share, "service"), f"{{{{service}}}} {share:.0%}") for share in (0.5, 0.95, 0.99)),
              unit="s", amber=0.5, traces="${__field.labels.service}"),
        lines("最慢的路由 · Slowest routes", "95% 应答时间最长的十条路由。"
              "The ten routes with the longest 95th percentile.",
              Query(f"topk(10, {_quantile(0.95, 'service, route')})", "{{service}} {{route}}"),
              unit="s", width=12, amber=0.5, traces="${__field.labels.service}"),
        lines("应答状态 · Statuses", "每秒请求数，按应答状态。Requests per second by status of the answer.",
              Query(f'sum by (status) (rate(permit_http_request_seconds_count{{{CHOSEN}, route!="/metrics"}}[5m]))',
                    "{{status}}"), unit="reqps", width=12, stacked=True),
    ))  # fmt: skip


def _processes() -> Row:
    return Row("进程 · Processes: saturation", (
        lines("就绪 · Ready", "1 为至少一个副本就绪。1 while at least one replica is ready.",
              Query(f"service:ready:max{{{CHOSEN}}}", HOUSE), width=6, traces="service"),
        lines("排队的操作 · Deeds waiting", "等待提交或正在处理；满一万即请来人稍后再来。"
              "Waiting for their commit or being handled; at 10 000 people are told to come back.",
              Query(f"permit_deeds_waiting{{{CHOSEN}}}", HOUSE), width=6, amber=1000, red=5000, traces="service"),
        lines("调度延迟 · Loop delay", "进程比所要求的晚醒多久，持续超过一秒即超负荷。"
              "How late a process wakes up; above a second for long it has too much to do.",
              Query(f"permit_loop_delay_seconds{{{CHOSEN}}}", HOUSE), unit="s", width=6, amber=0.25, red=1),
        lines("处理器 · CPU", "每个进程占用的处理器核数。Cores each process uses.",
              Query(f'rate(process_cpu_seconds_total{{job="onewindow", {CHOSEN}}}[5m])', HOUSE),
              width=6, amber=0.8, red=1),
        lines("内存 · Memory", "每个进程的常驻内存。Resident memory of each process.",
              Query(f'process_resident_memory_bytes{{job="onewindow", {CHOSEN}}}', HOUSE), unit="bytes", width=6),
        lines("数据库大小 · Databases", "各服务数据库所占的磁盘。What each house's database takes on its disk.",
              Query(f"max by (service, department) (permit_database_size_bytes{{{CHOSEN}}})", HOUSE),
              unit="bytes", width=6),
        lines("操作结果 · Deeds", "每秒操作数，按结果。Deeds per second by outcome.",
              Query(f"sum by (outcome) (rate(permit_deeds_total{{{CHOSEN}}}[5m]))", "{{outcome}}"),
              unit="ops", width=6, stacked=True),
        lines("每次提交的操作数 · Deeds per commit", "共用一次提交的平均操作数，越忙越多。"
              "How many deeds share one commit on average; the busier, the more.",
              Query(f"sum by (service) (rate(permit_shared_commit_deeds_sum{{{CHOSEN}}}[5m])) "
                    f"/ sum by (service) (rate(permit_shared_commit_deeds_count{{{CHOSEN}}}[5m]))", "{{service}}"),
              width=6, decimals=1),
    ))  # fmt: skip


def _events() -> Row:
    return Row("事件 · Events: said, heard, waiting", (
        lines("发件箱滞后 · Outbox lag", "最早一个未获确认的事件已等多久。Age of the oldest event not confirmed.",
              Query(f"service:outbox_lag_seconds:max{{{CHOSEN}}}", HOUSE), unit="s", red=30, traces="service"),
        lines("未发出 · Unsent", "已提交、尚未获消息代理确认的事件。Events committed and not yet confirmed.",
              Query(f"service:outbox_unsent_events:max{{{CHOSEN}}}", HOUSE)),
        lines("未获确认的发送 · Send failures", "消息代理未确认的消息，会再次发送。"
              "Messages the broker did not confirm; they are sent again.",
              Query("sum by (service, error) (rate(permit_event_send_failures_total[5m])) or vector(0)",
                    "{{service}} {{error}}"), unit="ops", amber=0.01),
        lines("说出 · Said", "每秒获确认的事件，按事件名。Events confirmed per second, by name.",
              Query(f"sum by (event) (rate(permit_events_sent_total{{{CHOSEN}}}[5m]))", "{{event}}"), unit="ops"),
        lines("听到 · Heard", "每秒从队列取得的事件，按服务。Events taken from queues per second, by house.",
              Query(f"sum by (service, department) (rate(permit_events_heard_total{{{CHOSEN}}}[5m]))", HOUSE),
              unit="ops", traces="service"),
        lines("无法读取 · Unreadable", "不是事件的消息部分，已连同原文搁置。"
              "Parts of messages that were no events; set aside with their text.",
              Query(f"sum by (service, department) (rate(permit_events_unreadable_total{{{CHOSEN}}}[5m]))", HOUSE),
              unit="ops", amber=0.001),
        lines("等待前序 · Parked", "等待前序事件的事件。Events waiting for a predecessor.",
              Query(f"service:parked_events:max{{{CHOSEN}}}", HOUSE)),
        lines("最长等待前序 · Parked for", "等待前序最久的事件已等多久。How long the oldest of them has waited.",
              Query(f"service:parked_age_seconds:max{{{CHOSEN}}}", HOUSE), unit="s", red=300),
        lines("已搁置 · Set aside", "放弃处理、等人处理的事件。Events given up, waiting for a person.",
              Query(f"service:set_aside_events:max{{{CHOSEN}}}", HOUSE), amber=1, red=20, traces="service"),
    ))  # fmt: skip


def _letters() -> Row:
    return Row("信件 · Letters: dead, lost, heard again", (
        lines("死信 · Dead letters", "各接收方死信队列中的消息，数秒内应取入其数据库。"
              "Messages in each hearer's dead-letter queue; taken into its database within seconds.",
              Query(f"max by (service, department) (permit_dead_letter_messages{{{CHOSEN}}})", HOUSE),
              amber=1, traces="service"),
        lines("取入的死信 · Dead letters taken in", "从死信队列取入的事件，按结果。"
              "Events taken out of dead-letter queues, by outcome.",
              Query("sum by (service, outcome) (increase(permit_dead_letter_events_total[1h])) or vector(0)",
                    "{{service}} {{outcome}}"), amber=1),
        lines("再次处理 · Replays", "由人再次处理或关闭的信件，按结果。Letters heard again or closed by a person.",
              Query("sum by (service, outcome) (increase(permit_replays_total[1h])) or vector(0)",
                    "{{service}} {{outcome}}")),
        lines("丢失的投递 · Lost deliveries", "已获确认却未到达接收方的事件，由比对发现。"
              "Events confirmed that never reached their hearer, as found by comparing.",
              Query("max by (hearer) (permit_deliveries_lost_events)", "{{hearer}} 丢失 · lost"),
              Query("max by (hearer) (permit_deliveries_missing_events)", "{{hearer}} 未到 · not there yet"), red=1),
        lines("重新发送 · Sent again", "因接收方未收到而重新发送的事件。"
              "Events sent again because a hearer never got them.",
              Query("sum by (service, event) (increase(permit_events_resent_total[1h])) or vector(0)",
                    "{{service}} {{event}}"),
              Query("sum by (speaker) (increase(permit_deliveries_healed_events_total[1h])) or vector(0)",
                    "{{speaker}} 已补 · healed")),
        lines("上次比对 · Last compared", "距上次比对全部发件箱与收件箱多久。"
              "How long ago all outboxes were compared with all inboxes.",
              Query("time() - max(permit_deliveries_looked_timestamp_seconds)", "前 · ago"), unit="s", amber=60),
    ))  # fmt: skip


def _joins() -> Row:
    return Row("汇合 · Joins: complete, and moved on?", (
        lines("齐备而未推进 · Complete, not moved", "按已存各行可以推进却未推进的案件，应为零。"
              "Cases that could move by their stored rows and have not; must be 0.",
              Query("center:joins_waiting:max", "案件 · cases"), red=1, traces="intake"),
        lines("等待时长 · Join age", "其中最久的已等多久。For how long the oldest of them could have moved.",
              Query("center:join_age_seconds:max", "最久 · oldest"), unit="s", red=60, traces="intake"),
        lines("等待证明 · Waiting for a proof", "最早一张尚无公开日志证明的凭证。"
              "Age of the oldest voucher without a proof from the public log.",
              Query("center:voucher_proof_age_seconds:max", "最久 · oldest"), unit="s", red=120, traces="disclosure"),
        lines(
                "待证明的凭证 · Vouchers unproven",
                "尚无公开日志证明的凭证数，片刻之后应为零。Vouchers without a proof yet; 0 within moments.",
                Query("center:vouchers_unproven:max", "凭证 · vouchers"),
                traces="disclosure",
            ),
            bars("待出具意见 · Opinions awaited", "可以出具而尚未出具的意见，按部门。"
             "Opinions that may be given and have not come, by department.",
             "center:opinions_awaited:max", "{{agency}}"),
        lines("材料未到 · Materials missing", "部门尚未从受理窗口取得的材料。"
              "Materials departments have not yet fetched from intake.",
              Query('department:materials_missing:max{department=~"$department"}', "{{department}}"), amber=1),
        lines("取材料 · Materials fetched", "每秒取材料次数，按结果。Fetches of materials per second by outcome.",
              Query("sum by (outcome) (rate(permit_materials_fetched_total[5m]))", "{{outcome}}"),
              unit="ops"),
    ))  # fmt: skip


def _broker() -> Row:
    queue = 'service=~"$service", department=~"$department"'
    return Row("消息代理 · Broker", (
        lines("队列 · Queues", "每个队列中的消息，含未确认的。Messages in each queue, unacknowledged ones too.",
              Query(f"queue:messages:max{{{queue}}}", "{{queue}}"), amber=1000, red=150000),
        lines("接收者 · Consumers", "每个队列的接收者数，不得为零。Consumers of each queue; never 0.",
              Query(f"queue:consumers:max{{{queue}}}", "{{queue}}"), red=1, amber=1, falling=True),
        table("死信 · Dead letters", "每个死信队列中的消息。Messages in each dead-letter queue.",
              f"queue:dead_letters:max{{{queue}}}", amber=1),
        lines("消息代理告警 · Alarms", "1 为因内存或磁盘不足停止收消息。"
              "1 while a node takes no messages for want of memory or disk.",
              Query("rabbitmq_alarms_memory_used_watermark", "{{instance}} memory"),
              Query("rabbitmq_alarms_free_disk_space_watermark", "{{instance}} disk"), red=1),
        lines("磁盘余量 · Disk left", "节点磁盘余量与其下限。Free disk of each node, and its limit.",
              Query("rabbitmq_disk_space_available_bytes", "{{instance}}"),
              Query("rabbitmq_disk_space_available_limit_bytes", "{{instance}} 下限 · limit"), unit="bytes"),
        lines("连接 · Connections", "与各节点的连接数；每个进程两条。Connections; two of each process.",
              Query("rabbitmq_connections", "{{instance}}")),
    ))  # fmt: skip


def duty() -> dict[str, Any]:
    """The dashboard."""
    variables = (
        Variable("service", "服务 · Service", "service:ready:max", "service"),
        Variable("department", "部门 · Department", "service:ready:max", "department"),
    )
    rows = (_glance(), _doors(), _processes(), _events(), _letters(), _joins(), _broker())
    return dashboard(
        "onewindow-duty",
        "值班 · On duty",
        "各服务、队列与汇合的状态。Every house, every queue, every join.",
        variables,
        rows,
    )
