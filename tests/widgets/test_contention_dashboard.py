"""The contention dashboard: controls, charts, table and timeline show what the study knows."""

from __future__ import annotations

import asyncio

import pytest

from mtelab.contention import WORKLOADS
from mtelab.sync import PG_mte_tagged, mte_clear_page_tags, set_bit, test_and_set_bit
from mtelab.sync.steps import Cpu, Page, Protocol
from mtelab.widgets import ContentionDashboard
from mtelab.widgets.contention_controls import FIELDS
from mtelab.widgets.numbers_table import NumbersTable, markdown, tsv

NAMES = ("big-lock", "lock-array", "page-lock")

pytestmark = pytest.mark.usefixtures("alone")


# ---- the answer


def test_it_answers_from_how_many_vcpus_on_the_big_lock_hurts_with_an_error_bar(
    dashboard: ContentionDashboard,
) -> None:
    hurts = dashboard.study.hurts_from("big-lock")
    assert hurts is not None
    assert 4 < hurts.mean < 8
    said, spared, alone = dashboard.answer()
    assert said.startswith(f"Hurts (more than 10 % of the CPUs' time lost to waiting): big-lock from {hurts.mean:.1f}")
    assert "±" in said
    assert spared == "Not up to 64 vCPUs: lock-array, page-lock."
    assert "the bounds (long dashes) meet at 5.8 vCPUs" in alone
    assert dashboard.controls.answer == dashboard.answer()
    assert dashboard.chart.text == " ".join(dashboard.answer())


def test_it_answers_how_large_an_array_fixes_it(dashboard: ContentionDashboard) -> None:
    dashboard.set(grows="locks", vcpus=16, pages=256)
    dashboard.run()
    enough = dashboard.study.enough_locks()
    assert enough is not None
    (said,) = dashboard.answer()
    assert said.startswith(f"With 32 vCPUs, an array of {enough.x} locks is enough for a loss under 10 %: ")
    assert said.endswith(" %.")
    assert "±" in said
    dashboard.choose("big-lock")
    assert dashboard.answer() == ["Choose lock-array to see how many locks are enough."]


def test_one_lock_is_one_lock() -> None:
    dashboard = ContentionDashboard(["lock-array"], guests=1, pages=32, seeds=2)
    dashboard.set(grows="locks", vcpus=1)
    dashboard.run()
    assert "an array of 1 lock is enough" in dashboard.answer()[0]


def test_no_array_is_enough_before_all_have_been_run() -> None:
    dashboard = ContentionDashboard(["lock-array"], guests=2, pages=32, seeds=3)
    dashboard.run()
    dashboard.study.grows = "locks"  # one size is known from the axis before
    assert len(dashboard.study.points("lock-array")) == 1
    assert dashboard.study.enough_locks() is None
    assert dashboard.answer() == ["With 16 vCPUs, the arrays are still being run."]
    dashboard.run()
    assert "locks is enough" in dashboard.answer()[0]


def test_the_band_the_cursor_and_the_threshold_stand_where_they_should(dashboard: ContentionDashboard) -> None:
    chart, hurts = dashboard.chart, dashboard.study.hurts_from("big-lock")
    assert hurts is not None
    assert all(band.visible and band.right == hurts.high for band in chart.hurts)
    assert {cursor.location for cursor in chart.cursors} == {16}
    assert chart.threshold.location == pytest.approx(2313 / 9 / 1000)
    dashboard.set(focus="page-lock", vcpus=4)
    assert not any(band.visible for band in chart.hurts)
    assert {cursor.location for cursor in chart.cursors} == {8}


def test_the_bounds_of_the_protocol_in_focus_are_drawn(dashboard: ContentionDashboard) -> None:
    bounds = dashboard.chart.bounds.data
    assert bounds["throughput"][0] == pytest.approx(2e3 / 2313)
    assert bounds["throughput"][-1] == pytest.approx(1e3 / 396)
    assert bounds["wait_mean"][-1] == pytest.approx((64 * 396 - 2313) / 1000)
    assert bounds["time_to_start"][-1] == pytest.approx(128 * 396 / 1e6)
    dashboard.set(workload="migration")
    assert dashboard.chart.bounds.data["x"] == []


# ---- controls


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field[3]])
def test_every_choice_of_every_control_is_taken(name: str) -> None:
    made = ContentionDashboard(NAMES, guests=1, vcpus=2, pages=64, seeds=1)
    options = made.controls.options[name]
    for value, text in options:
        made.controls.set(name, value)
        made.controls.show()
        assert made.controls.picture["values"][name] == value
        assert text


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_workload_runs(workload: str) -> None:
    made = ContentionDashboard(NAMES, workload=workload, guests=2, vcpus=2, pages=32, seeds=2)
    made.run()
    assert made.study.done() == made.study.wanted()
    assert made.controls.status == ""
    assert made.timeline.run is not None


def test_pages_follow_the_block(dashboard: ContentionDashboard) -> None:
    dashboard.controls.set("block", "2M")
    assert dashboard.study.settings.pages == 16 * 512
    dashboard.controls.show()
    assert dashboard.controls.options["pages"][0] == [1024, "2 × 2 MiB"]
    dashboard.controls.set("block", "4K")
    assert dashboard.study.settings.pages == 512


def test_a_value_that_a_cell_has_set_is_offered(dashboard: ContentionDashboard) -> None:
    dashboard.set(guests=5, clear=123)
    options = dashboard.controls.options
    assert [5, "5"] in options["guests"]
    assert [123, "123 ns"] in options["clear"]
    assert options["guests"] == sorted(options["guests"])
    assert dashboard.study.settings.costs.mte_restore_page_tags == pytest.approx(123 * 400 / 315, abs=0.001)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"guests": 0}, "guests: 0, expected a whole number"),
        ({"vcpus": 2.5}, "vcpus: 2.5"),
        ({"workload": "shutdown"}, "workload: 'shutdown', expected one of start-up"),
        ({"clear": -1}, "mte_clear_page_tags=-1"),
        ({"focus": "no-shared"}, "focus: 'no-shared', expected one of big-lock"),
        ({"speed": 3}, "speed: expected one of"),
    ],
)
def test_bad_values_are_refused_and_change_nothing(
    dashboard: ContentionDashboard, wrong: dict[str, object], said: str
) -> None:
    before = dashboard.study.settings
    with pytest.raises(ValueError, match=said):
        dashboard.set(**wrong)
    assert dashboard.study.settings == before


def test_an_event_that_is_refused_becomes_the_status_line(dashboard: ContentionDashboard) -> None:
    handled = dashboard.controls.handled
    dashboard.controls.on_set("guests", -1)
    assert dashboard.controls.status.startswith("Refused: guests: -1")
    assert dashboard.controls.handled == handled + 1
    dashboard.controls.on_set("guests", 4)
    assert dashboard.controls.status == ""
    assert dashboard.study.settings.guests == 4


def test_boxes_choose_protocols_and_the_last_one_stays(dashboard: ContentionDashboard) -> None:
    dashboard.controls.on_choose("big-lock", False)
    assert dashboard.study.chosen == ["lock-array", "page-lock"]
    assert dashboard.controls.focus == "lock-array"
    dashboard.controls.on_choose("lock-array", False)
    dashboard.controls.on_choose("page-lock", False)
    assert dashboard.study.chosen == ["page-lock"]
    assert dashboard.controls.status.startswith("Refused")


def test_reset_returns_to_the_start(dashboard: ContentionDashboard) -> None:
    first = repr(dashboard)
    dashboard.set(guests=8, grows="guests", loss=0.5, mmu_lock="exclusive")
    dashboard.choose("always-tagged")
    assert repr(dashboard) != first
    dashboard.controls.on_reset()
    assert repr(dashboard) == first
    assert dashboard.study.loss == 0.10
    assert dashboard.controls.picture["values"]["grows"] == "vcpus"
    assert dashboard.controls.progress[0] == dashboard.controls.progress[1]


def test_the_repr_says_what_is_asked_and_not_what_came_out(dashboard: ContentionDashboard) -> None:
    fresh = ContentionDashboard(NAMES, guests=2, pages=64, seeds=3)
    assert repr(fresh) == repr(dashboard)
    assert "big-lock, lock-array, page-lock over vCPUs of each guest: start-up, 2 guests" in repr(fresh)


# ---- long runs


def test_runs_go_on_in_the_background_and_can_be_stopped_and_resumed() -> None:
    async def watch() -> ContentionDashboard:
        made = ContentionDashboard(NAMES, guests=2, pages=64, seeds=6)
        made.study._width = 1  # a protocol at a time
        assert made.controls.progress[2]
        done = made.controls.progress[0]
        while made.controls.progress[0] == done:
            await asyncio.sleep(0)
        made.controls.on_stop()
        while made.controls.progress[2]:
            await asyncio.sleep(0)
        assert 0 < made.controls.progress[0] < made.controls.progress[1]
        assert made.timeline.run is None
        made.controls.on_stop()  # which is "Go on" now
        assert made._task is not None
        await made._task
        return made

    made = asyncio.run(watch())
    assert made.controls.progress == [made.study.wanted(), made.study.wanted(), False]
    assert made.timeline.run is not None


def test_a_new_setting_ends_the_runs_of_the_one_before() -> None:
    async def change() -> ContentionDashboard:
        made = ContentionDashboard(NAMES, guests=2, pages=64, seeds=6)
        first = made._task
        made.set(guests=4)
        assert first is not None
        assert made._task is not None
        await asyncio.gather(first, made._task)
        return made

    made = asyncio.run(change())
    assert made.study.done() == made.study.wanted()
    assert made.timeline.run is not None
    assert made.timeline.run.guests == 4


def test_a_learners_protocol_joins_and_one_that_fails_later_is_named() -> None:
    def mine(cpu: Cpu, page: Page) -> Protocol:
        if not (yield test_and_set_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)

    def picky(cpu: Cpu, page: Page) -> Protocol:
        assert cpu.role != "swap_in", "not made for swap"
        yield mte_clear_page_tags(page)
        yield set_bit(PG_mte_tagged, page)

    made = ContentionDashboard(["big-lock"], guests=1, pages=32, seeds=2)
    made.add(mine=mine, picky=picky)
    made.run()
    assert made.study.chosen == ["big-lock", "mine", "picky"]
    assert {row[0] for row in made.rows()} == {"big-lock", "mine", "picky"}
    made.set(workload="resume")
    made.run()
    assert made.controls.status.startswith("Refused: protocol: picky")
    assert "not made for swap" in made.controls.status


# ---- the table


def test_the_table_shows_the_cursor_and_copies_everything(dashboard: ContentionDashboard) -> None:
    table = dashboard.table
    assert [row[0] for row in table.table["rows"]] == list(NAMES)
    assert "16 vCPUs in all" in table.title
    copied = table.copied("TSV").splitlines()
    assert len(copied) == 1 + 3 * len(dashboard.study.places())
    assert copied[0].split("\t")[:5] == ["protocol", "vCPUs", "guests", "locks", "million pages/s"]
    assert len({line.count("\t") for line in copied}) == 1
    lines = table.copied("Markdown").splitlines()
    assert len({len(line) for line in lines}) == 1
    assert set(lines[1]) <= set("|- ")
    with pytest.raises(ValueError, match="form: 'CSV', expected one of TSV, Markdown"):
        table.copied("CSV")


def test_a_copy_is_sent_with_the_number_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(NumbersTable, "send", lambda self, content, buffers=None: sent.append(content))
    table = NumbersTable(["a", "b"], lambda: [["1", "2"], ["3", "4"]], hidden=["b"], title="Two")
    table.show([["1", "2"]])
    assert table.table == {"head": ["a"], "rows": [["1"]]}
    for form in ("TSV", "Markdown"):
        table.on_copy(form)
    assert [(content["form"], content["rows"]) for content in sent] == [("TSV", 2), ("Markdown", 2)]


def test_tables_as_text() -> None:
    assert tsv(["a", "b"], [["1", "2"]]) == "a\tb\n1\t2\n"
    assert markdown(["a", "bb"], [["10", "2"]]) == "| a  | bb |\n| -- | -- |\n| 10 | 2  |\n"
