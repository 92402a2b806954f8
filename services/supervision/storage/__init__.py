"""Supervision's tables and named queries; the only SQL of this house.

Tables: `happenings` (what happened, append-only), `cases` (what was concluded from it), `clocks` (how every
clock stands, for searching), `cards` and `findings` (append-only), and what disclosure said: `calendars`,
`tariffs`, `items`, `rules`, `leaves`.

Named queries (each takes an open connection or a `Work` and returns plain values):

* clocks: `find_clocks(reader, ClockSearch, now)`, `count_clocks(reader, ClockSearch, now)`,
  `clocks_of_case(reader, id)`
* cards: `find_cards(reader, CardSearch)`, `count_cards(reader, CardSearch)`, `cards_of_case(reader, id)`
* findings: `find_findings(reader, FindingSearch)`, `count_findings(reader, FindingSearch)`,
  `findings_of_case(reader, id)`
* cases: `find_cases(reader, CaseSearch)`, `count_cases(reader, CaseSearch)`, `read_case(reader, id)`
* statistics: `by_department(reader, now)`, `by_month(reader)`, `totals(reader, now)`
* happenings: `HAPPENED` (a statement for `Work.rows`), `happened(rows)`
* timers: `DUE_CASES`, `STALE_CASES` (statements for `Work.rows`), `next_look(reader)`,
  `calendars_version(reader)`, `newest_stamp(reader)`, `any_stale(reader, stamp)`
"""

from __future__ import annotations

from services.supervision.storage.cases import (
    DUE_CASES,
    HAPPENED,
    STALE_CASES,
    CaseRow,
    CaseSearch,
    any_stale,
    calendars_version,
    count_cases,
    find_cases,
    happened,
    newest_days,
    newest_stamp,
    next_look,
    read_case,
)
from services.supervision.storage.clocks import (
    ClockRow,
    ClockSearch,
    clocks_of_case,
    count_clocks,
    find_clocks,
)
from services.supervision.storage.issued import (
    CardRow,
    CardSearch,
    FindingRow,
    FindingSearch,
    cards_of_case,
    count_cards,
    count_findings,
    find_cards,
    find_findings,
    findings_of_case,
)
from services.supervision.storage.statistics import (
    DepartmentRow,
    MonthRow,
    RunningRow,
    Totals,
    agencies_by_kind,
    by_department,
    by_month,
    findings_by_rule,
    running_by_day,
    totals,
)
from services.supervision.storage.tables import (
    CALENDARS,
    CARDS,
    CASE_FILES,
    CLOCKS,
    FINDINGS,
    HAPPENINGS,
    ITEMS,
    LEAVES,
    METADATA,
    RULES,
    TARIFFS,
    ClockRecord,
    LeafRecord,
    RuleRecord,
)

__all__ = [
    "CALENDARS",
    "CARDS",
    "CASE_FILES",
    "CLOCKS",
    "DUE_CASES",
    "FINDINGS",
    "HAPPENED",
    "HAPPENINGS",
    "ITEMS",
    "LEAVES",
    "METADATA",
    "RULES",
    "STALE_CASES",
    "TARIFFS",
    "CardRow",
    "CardSearch",
    "CaseRow",
    "CaseSearch",
    "ClockRecord",
    "ClockRow",
    "ClockSearch",
    "DepartmentRow",
    "FindingRow",
    "FindingSearch",
    "LeafRecord",
    "MonthRow",
    "RuleRecord",
    "RunningRow",
    "Totals",
    "agencies_by_kind",
    "any_stale",
    "by_department",
    "by_month",
    "calendars_version",
    "cards_of_case",
    "clocks_of_case",
    "count_cards",
    "count_cases",
    "count_clocks",
    "count_findings",
    "find_cards",
    "find_cases",
    "find_clocks",
    "find_findings",
    "findings_by_rule",
    "findings_of_case",
    "happened",
    "newest_days",
    "newest_stamp",
    "next_look",
    "read_case",
    "running_by_day",
    "totals",
]
