"""Lab 06's exercises: every question has an answer, right answers pass, and the usual wrong ones fail."""

from __future__ import annotations

from random import Random

import pytest

import mtelab
from mtelab.explorer import model
from mtelab.explorer.reach import shortest_way
from mtelab.learn import check, problem
from mtelab.learn.exercises import lab06
from mtelab.learn.hunt import Hunt, by_search, complain_about
from mtelab.learn.race_state import races
from mtelab.learn.recorded_races import recorded_race
from mtelab.learn.stage1 import pages_seen, set_pte_5_14
from mtelab.sync import (
    PROTOCOLS,
    PG_mte_tagged,
    mte_clear_page_tags,
    mte_restore_page_tags,
    set_bit,
    test_and_set_bit,
    test_bit,
)
from mtelab.sync.steps import Page

# ---- by hand


@pytest.mark.parametrize("situation", lab06.RACY)
@pytest.mark.parametrize("cpus", [2, 3])
def test_every_leak_that_may_be_asked_for_can_be_found(situation: str, cpus: int) -> None:
    for cpu in range(cpus):
        hunt = Hunt("flag-first", situation, cpus, "leaks", cpu)
        assert complain_about(by_search(hunt), hunt) is None


@pytest.mark.parametrize(("protocol", "situation"), lab06.LOSSES)
def test_every_loss_that_may_be_asked_for_can_be_found(protocol: str, situation: str) -> None:
    assert shortest_way(model(protocol, situation), "leaks") is None
    for cpu in range(2):
        hunt = Hunt(protocol, situation, 2, "loses", cpu)
        assert complain_about(by_search(hunt), hunt) is None


@pytest.mark.parametrize("name", ["leak_by_hand", "lose_by_hand"])
def test_any_schedule_that_shows_it_passes(name: str) -> None:
    question = problem(name, seed=5)
    shortest = by_search(question)
    assert check(name, shortest, seed=5).passed
    assert check(name, " ".join(shortest), seed=5).passed
    walk = mtelab.replay(question.protocol, question.situation, shortest, question.cpus)
    while moves := walk.moves():
        walk.do(moves[0].cpu)
    assert len(walk.way) > len(shortest)
    assert check(name, walk.schedule, seed=5).passed


@pytest.mark.parametrize("name", ["leak_by_hand", "lose_by_hand"])
def test_one_answer_does_not_do_for_every_question(name: str) -> None:
    answer = by_search(problem(name, seed=5))
    assert not all(check(name, answer, seed=seed).passed for seed in range(12))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", "after these 0 moves nothing bad has shown; CPU 1 would next make spin_lock"),
        ("0110000", "it shows: leaks on CPU 0. Asked for: leaks on CPU 1"),
        ("0?", "'?' at position 2"),
        ("00000000000000000000", "cannot be made, expected one of 1"),
        (110000, "expected a schedule"),
        ("01" * 1000, "that schedule has 2000 characters"),
    ],
)
def test_a_schedule_that_does_not_show_it_is_answered(answer: object, words: str) -> None:
    assert words in complain_about(answer, Hunt("flag-first", "two-vms", 2, "leaks", 1))


def test_an_empty_cell_is_not_tried() -> None:
    assert "not tried" in repr(check("leak_by_hand", None))
    assert "not tried" in repr(check("leak_by_hand", ...))


# ---- the search


def test_spare_moves_are_counted_against_the_same_verdict() -> None:
    assert check("spare_moves", lab06.spare_moves, seed=1).passed

    def against_the_worst(protocol, situation, schedule):
        shown = mtelab.replay(protocol, situation, schedule).shown
        return len(schedule) - len(mtelab.explore(protocol, situation).counterexample) if shown else None

    def zero_for_none(protocol, situation, schedule):
        return lab06.spare_moves(protocol, situation, schedule) or 0

    assert not check("spare_moves", zero_for_none, seed=1).passed
    assert not all(check("spare_moves", against_the_worst, seed=seed).passed for seed in range(3))


# ---- who can race


@pytest.mark.parametrize("seed", range(60))
def test_a_question_on_pairs_has_four_answers_at_least(seed: int) -> None:
    question = problem("who_can_race", seed=seed)
    answer = lab06.who_can_race(question)
    assert set(answer) <= set(lab06.ENDS)
    assert len(set(answer)) >= 4
    assert "race" not in repr(question).split("answers:")[0]
    assert all(name not in repr(question) for name in "{}")


@pytest.mark.parametrize(
    ("situation", "races_on"),
    [
        ("two-vcpus", False),
        ("swap-in", False),
        ("two-vms", True),
        ("two-vms-one-process", True),
        ("vm-and-mprotect", True),
    ],
)
def test_the_model_agrees_on_who_can_race(situation: str, races_on: bool) -> None:
    # clear-first has no lock of its own: what keeps two apart is the kernel's.
    assert (mtelab.explore("clear-first", situation).verdict == "loses") is races_on


# ---- the invariant


def good(race):
    tags = race.tags.values()
    return not (race.mapped and "stale" in tags) and not (race.clearing and (race.mapped or "stored" in tags))


EVERYWHERE = [*lab06.JUDGES, *((protocol, "two-vms") for protocol in PROTOCOLS)]


@pytest.mark.parametrize(("protocol", "situation"), sorted(set(EVERYWHERE)))
def test_the_invariant_tells_safe_from_unsafe(protocol: str, situation: str) -> None:
    met, harm = races(protocol, situation)
    assert all(good(each.race) for each in met) is (harm is None)


def test_a_good_invariant_passes_and_the_usual_ones_do_not() -> None:
    assert check("invariant", good, seed=1).passed

    def flag_means_clean(race):
        return not (race.tagged and "stale" in race.tags.values())

    def flag_before_clear(race):
        return not (race.tagged and race.clearing)

    def forgets_the_ioctl(race):
        return not (race.mapped and (race.clearing or "stale" in race.tags.values()))

    def always(race):
        return True

    def never(race):
        return False

    for wrong in (flag_means_clean, flag_before_clear, forgets_the_ioctl, always, never):
        assert not check("invariant", wrong, seed=1).passed, wrong.__name__

    def nothing_returned(race):
        race.tags.clear()

    assert "expected True or False" in repr(check("invariant", nothing_returned, seed=1))


# ---- stage 1


def test_set_pte_sets_the_flag_of_a_page_that_nobody_has_cleared() -> None:
    assert pages_seen(set_pte_5_14(Page(0), "migration", False, False), False) == [
        "flag clear, tags stale",
        "flag set, tags stale",
    ]
    assert pages_seen(set_pte_5_14(Page(0), "present", False, False), False) == ["flag clear, tags stale"]
    assert pages_seen(set_pte_5_14(Page(0), "swap", False, True), False)[-1] == "flag set, tags restored"
    assert pages_seen(set_pte_5_14(Page(0), "none", True, False), False)[1:] == [
        "flag set, tags stale",
        "flag set, tags cleared",
    ]


def test_right_and_wrong_set_pte() -> None:
    assert check("set_pte", set_pte_5_14, seed=1).passed

    def as_in_6_1(page, old, tagged, saved):
        if old == "swap" and saved:
            if not (yield test_and_set_bit(PG_mte_tagged, page)):
                yield mte_restore_page_tags(page)
        elif tagged and not (yield test_and_set_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)

    def flag_last(page, old, tagged, saved):
        if (tagged or old in ("swap", "migration")) and not (yield test_bit(PG_mte_tagged, page)):
            if old == "swap" and saved:
                yield mte_restore_page_tags(page)
            elif tagged:
                yield mte_clear_page_tags(page)
            yield set_bit(PG_mte_tagged, page)

    def no_generator(page, old, tagged, saved):
        return test_bit(PG_mte_tagged, page)

    def endless(page, old, tagged, saved):
        while True:
            yield test_bit(PG_mte_tagged, page)
            yield set_bit(PG_mte_tagged, page)

    def nonsense(page, old, tagged, saved):
        yield "clear"

    for wrong in (as_in_6_1, flag_last, no_generator, nonsense):
        assert not check("set_pte", wrong, seed=1).passed, wrong.__name__
    assert "expected" in repr(check("set_pte", endless, seed=1))


def test_a_migrated_page_leaks_without_a_race_and_not_once_it_is_repaired() -> None:
    def migration(cpu, page):
        if cpu.role == "set_pte":
            yield from set_pte_5_14(page, "migration", tagged=False, saved=False)
        elif cpu.role == "fault" and not (yield test_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)
            yield set_bit(PG_mte_tagged, page)

    chosen = model(migration, "vm-and-foreign-fault")
    assert shortest_way(chosen, "leaks", cpu=0) == "11000"
    walk = mtelab.replay(migration, "vm-and-foreign-fault", "1" * 7)
    assert walk.lanes()[1].ended
    while not walk.over:
        walk.do(0)
    assert ("leaks", 0) in [(walk_verdict, move.cpu) for move, walk_verdict in shown(walk)]


def shown(walk):
    """Moves with what they showed."""
    from mtelab.explorer.walk import verdict

    return [(move, verdict(shows)) for move, _, shows in walk.way]


# ---- what the machine did


def test_the_model_loses_where_a_machine_did_and_nowhere_else() -> None:
    for name, situation, cpus in (
        ("H02", "two-vms-one-process", 2),
        ("H07", "ioctl-and-fault", 2),
        ("H10", "vm-and-mprotect", 3),
    ):
        for kernel, lost, pages in recorded_race(name):
            protocol = "merged-5.14" if kernel == "linux-6.1" else "page-lock"
            assert 0 <= lost <= pages
            assert ("loses" in mtelab.explore(protocol, situation, cpus).violations) is (lost > 0), (name, kernel)
    with pytest.raises(ValueError, match="H02, H07, H10"):
        recorded_race("H99")


@pytest.mark.parametrize("seed", range(20))
def test_drawn_walks_follow_their_protocol(seed: int) -> None:
    protocol, situation, schedule = lab06.a_walk(Random(seed))
    walk = mtelab.replay(protocol, situation, schedule)
    assert walk.shown or walk.over
