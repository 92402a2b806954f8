"""Proves the page kit's words, formats, forms, drawings and doors, without a browser."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from markupsafe import Markup
from pydantic import BaseModel, Field, ValidationError

from libs.pages import Form, drawings, form_errors, formats, words
from libs.pages.doors import origins, policy
from libs.pages.rendering import preferred
from libs.pages.words import Words, missing, sync
from libs.refusals import Refusal
from tests.browser.kit.gallery import create_app

KIT = Path(words.__file__).parent
ROOMS = [KIT, *sorted(Path("services").glob("*/pages"))]


@pytest.mark.parametrize("folder", ROOMS, ids=str)
def test_every_text_on_a_page_has_both_languages(folder: Path) -> None:
    assert missing(folder) == []


def test_a_text_without_english_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("{{ t('没有英文') }}{{ t('办事') }}", "utf-8")
    (tmp_path / "b.py").write_text("LABEL = mark('还有 {n} 件')", "utf-8")
    assert sync(tmp_path) == ["没有英文", "还有 {n} 件"]
    path = tmp_path / words.FILE
    text = path.read_text("utf-8").replace('msgstr[0] ""', 'msgstr[0] "{n} case left"')
    path.write_text(text.replace('msgstr[1] ""', 'msgstr[1] "{n} cases left"'), "utf-8")
    assert sync(tmp_path) == ["没有英文"], "what is translated is kept"
    english = Words("en", [tmp_path])
    assert english.t("还有 {n} 件", n=1) == "1 case left"
    assert english.t("还有 {n} 件", n=2) == "2 cases left"


def test_words_escape_values_beside_markup() -> None:
    text = Words("zh", []).t("看{link}，{name}", link=Markup("<a>这里</a>"), name="<b>")
    assert text == "看<a>这里</a>，&lt;b&gt;"


def test_formats_say_dates_and_money_as_each_language_reads_them() -> None:
    at = datetime(2026, 10, 20, 18, 24, tzinfo=UTC)  # the 21st in Shanghai
    zh, en = formats.filters("zh"), formats.filters("en")
    assert (zh["day_long"](at), en["day_long"](at)) == ("2026年10月21日（周三）", "Wednesday 21 October 2026")
    assert (zh["instant"](at), en["instant"](at)) == ("2026年10月21日 02:24", "21 October 2026, 02:24")
    assert (zh["day"]("2026-10-21"), en["day"](date(2026, 10, 21))) == ("2026年10月21日", "21 October 2026")
    assert (zh["money"](1080000), en["money"](1080000)) == ("10,800.00 元", "¥10,800.00")
    assert (zh["working_days"](1), en["working_days"](1)) == ("1 个工作日", "1 working day")
    assert (zh["local"]({"zh": "甲", "en": "A"}), en["local"]({"zh": "甲"})) == ("甲", "甲")


class _Body(BaseModel):
    area_m2: Decimal = Field(gt=0)
    days: int
    use: str


def test_form_errors_name_field_and_bound() -> None:
    with pytest.raises(ValidationError) as wrong:
        _Body.model_validate({"area_m2": "-1", "days": "many"})
    found = {each.field: each.text.format(**each.values) for each in form_errors(wrong.value)}
    assert found == {"area_m2": "要大于 0", "days": "请填写整数", "use": "请填写这一项"}


def test_form_keeps_what_was_typed_after_a_refusal() -> None:
    refused = Refusal("no", errors=[{"at": "days", "what": "too long"}])
    form = Form.kept({"days": "900"}, refused)
    error = form.error("days")
    assert form.value("days") == "900"
    assert error is not None
    assert error.text.format(**error.values) == "too long"
    assert form.problem is not None
    assert form.problem["code"] == "refused"


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return [*_path(index, leaves[:split]), _root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _root(leaves[:split])]


def test_proof_ladder_ends_in_the_root_for_every_leaf_of_every_tree() -> None:
    for size in range(1, 34):
        leaves = [bytes([number]) for number in range(size)]
        for index in range(size):
            path = [each.hex() for each in _path(index, leaves)]
            leaf = hashlib.sha256(b"\0" + leaves[index]).hexdigest()
            drawn = drawings.proof(index, size, leaf, path)
            assert drawn.root == _root(leaves).hex(), (size, index)
            assert len(drawn.steps) == len(path)


def test_proof_ladder_of_a_changed_leaf_ends_elsewhere() -> None:
    leaves = [b"a", b"b", b"c"]
    path = [each.hex() for each in _path(1, leaves)]
    forged = hashlib.sha256(b"\0B").hexdigest()
    assert drawings.proof(1, 3, forged, path).root != _root(leaves).hex()


def test_lane_counts_from_the_day_after_the_start_and_turns_red_when_overdue() -> None:
    axis = drawings.Axis(date(2026, 1, 5), date(2026, 1, 14))
    drawn = drawings.lane(axis, starts_on="2026-01-05", due_on="2026-01-08", today="2026-01-12")
    assert [(bar.x, bar.kind) for bar in drawn.bars] == [("10.00%", "wait"), ("10.00%", "red")]
    assert drawn.due == "40.00%"
    done = drawings.lane(
        axis, starts_on="2026-01-05", due_on="2026-01-08", today="2026-01-12", done_on="2026-01-07"
    )
    assert [(bar.kind, bar.width) for bar in done.bars] == [("acc", "20.00%")]


def test_calendar_shows_whole_weeks_and_numbers_only_counted_days() -> None:
    days = [
        {"on": "2026-01-05", "reason": "starting_day", "number": None},
        {"on": "2026-01-06", "reason": "working_day", "number": 1},
        {"on": "2026-01-07", "reason": "working_day", "number": 2},
    ]
    cells = drawings.calendar(days, starts_on="2026-01-05", due_on="2026-01-07")
    assert len(cells) == 7
    assert [cell.kind for cell in cells] == ["start", "counted", "due", "plain", "plain", "rest", "rest"]
    assert [cell.number for cell in cells[:3]] == [None, 1, 2]


def test_strip_marks_nine_tenths_amber_and_overdue_red() -> None:
    assert [mark.kind for mark in drawings.strip([1.0, 0.2, 0.9, 1.5])] == ["acc", "amber", "amber", "red"]


def test_policy_allows_no_script_and_forms_only_to_named_sites() -> None:
    sites = {"intake": "http://127.0.0.1:8001/x", "review": {"fire": "http://127.0.0.1:8002"}}
    found = policy(origins([sites, None]))
    assert "script" not in found
    assert "unsafe" not in found
    assert "form-action 'self' http://127.0.0.1:8001 http://127.0.0.1:8002" in found


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "zh"), ("en-GB,en;q=0.9", "en"), ("fr,zh-CN;q=0.8,en;q=0.9", "en"), ("fr", "zh"), ("en;q=x", "zh")],
)
def test_language_follows_what_the_browser_prefers(header: str, language: str) -> None:
    assert preferred(header) == language


def test_page_escapes_what_people_wrote_and_is_not_kept_by_caches() -> None:
    answer = TestClient(create_app()).get("/plain")
    assert "<script>" not in answer.text
    assert "&lt;b&gt;李强&lt;/b&gt;" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_problem_page_says_code_and_trace_and_what_to_do() -> None:
    answer = TestClient(create_app()).get("/problem?lang=en")
    assert answer.status_code == 404
    for text in (
        "not_found",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "Check the address",
        "21 October 2026, 10:24",
    ):
        assert text in answer.text


def test_static_address_with_its_hash_may_be_kept_for_ever() -> None:
    client = TestClient(create_app())
    address = client.get("/").text.split('href="/static/onewindow.css')[1].split('"')[0]
    assert "immutable" in client.get(f"/static/onewindow.css{address}").headers["cache-control"]
    assert client.get("/static/onewindow.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/../rendering.py").status_code == 404
