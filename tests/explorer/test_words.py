"""Steps, waits, changes and harm in words that a learner can follow."""

from __future__ import annotations

import pytest

from mtelab.explorer import Walk, model
from mtelab.explorer.listing import listing, source
from mtelab.explorer.words import changes, lock_words, step_words, trouble, waits_for
from mtelab.sync import PG_mte_tagged, load_tag, mte_clear_page_tags, refuse, set_bit, spin_lock, store_tag
from mtelab.sync.steps import Page, Step


def walk(protocol, situation: str, schedule: str, **others: object) -> Walk:
    made = Walk(model(protocol, situation, **others))
    made.go(schedule)
    return made


@pytest.mark.parametrize(
    ("step", "pages", "words"),
    [
        (set_bit(PG_mte_tagged, Page(0)), 1, "set_bit(PG_mte_tagged)"),
        (set_bit(PG_mte_tagged, Page(1)), 2, "set_bit(PG_mte_tagged, page 1)"),
        (load_tag(Page(0), 3), 1, "load_tag(granule 3)"),
        (store_tag(Page(1), 3, 10), 2, "store_tag(page 1, granule 3, tag A)"),
        (spin_lock(("mmu_lock", 1)), 1, "spin_lock(mmu_lock of VM 1)"),
        (spin_lock("tag_sync_lock"), 1, "spin_lock(tag_sync_lock)"),
        (refuse("EFAULT"), 1, "refuse('EFAULT')"),
        (Step("mte_clear_page_tags", (Page(0),), why="granule 1"), 1, "mte_clear_page_tags()  # granule 1"),
    ],
)
def test_a_step_reads_as_code(step: Step, pages: int, words: str) -> None:
    assert step_words(step, pages) == words


def test_locks_are_named_after_what_they_belong_to() -> None:
    assert lock_words(("mmap_lock", 2)) == "mmap_lock of process 2"
    assert lock_words(("tag_locks", 5)) == "tag_locks 5"
    assert lock_words("mine") == "mine"


def test_waits_name_the_holder_the_flag_or_the_cpus_own_stores() -> None:
    held = walk("big-lock", "two-vms", "0001")
    assert waits_for(held, held.lanes()[1]) == ""
    held.do(1)
    assert waits_for(held, held.lanes()[1]) == "waits for tag_sync_lock, and so for CPU 0, which holds it"
    flag = walk("page-lock", "two-vms", "01")
    assert waits_for(flag, flag.lanes()[1]) == "waits until PG_mte_tagged is set"

    def fenced(cpu, page):
        from mtelab.sync import smp_mb

        yield set_bit(PG_mte_tagged, page)
        yield smp_mb()

    own = walk(fenced, "two-vms", "0", memory="arm")
    assert waits_for(own, own.lanes()[0]) == "waits until its own stores are visible to all"


def test_a_lock_that_is_taken_twice_is_waited_for_in_vain() -> None:
    def twice(cpu, page):
        yield spin_lock("mine")
        yield spin_lock("mine")

    made = walk(twice, "two-vms", "0")
    assert "itself: it has the lock already" in waits_for(made, made.lanes()[0])


def test_harm_is_told_with_its_tag() -> None:
    assert "reads tag F" in trouble(walk("flag-first", "two-vms", "0110000"), 7)
    lost = walk("clear-first", "two-vms", "0000110000010")
    assert trouble(lost, 13) == "CPU 0 no longer finds its tag 1: an initialiser has wiped it. A tag is lost."
    assert trouble(lost, 12) == ""
    assert changes(lost, 12) == {"tag 0 0": "granule 0: 1 → 0"}
    copied = walk("clear-first", "ioctl-and-fault", "000110010")
    assert "the tag that the VMM copied" in trouble(copied, 9)
    refused = walk("no-shared", "two-vms", "0")
    assert trouble(refused, 1) == "CPU 0 is refused with EINVAL: it maps nothing."


def test_a_kept_lock_is_told() -> None:
    def keeps(cpu, page):
        yield spin_lock("mine")
        yield mte_clear_page_tags(page)

    made = walk(keeps, "two-vms", "0000000")
    assert made.lanes()[0].ended
    assert "CPU 0 ends and still holds mine." in [trouble(made, number) for number in range(1, 8)]


def test_a_listing_puts_the_kernels_steps_around_the_protocol() -> None:
    made = walk("page-lock", "swap-in", "")
    told = listing(made.model, made.machine.programs[1], 1)
    rows = list(told.rows.values())
    assert rows[0] == "pte_present()"
    assert rows.index("page_lock(cpu, page)  # swap_in") < rows.index("page_lock(cpu, page)  # fault")
    assert next(one.name for one in told.sources.values()) == "page_lock"
    assert "@historical" not in str(told.sources)


def test_code_without_source_is_listed_by_its_steps() -> None:
    made: dict[str, object] = {}
    exec(
        compile(
            "def hidden(cpu, page):\n    yield clear(page)\n    yield set_bit(flag, page)\n",
            "<nowhere to be found>",
            "exec",
        ),
        {"clear": mte_clear_page_tags, "set_bit": set_bit, "flag": PG_mte_tagged},
        made,
    )
    protocol = made["hidden"]
    followed = walk(protocol, "two-vms", "")
    (told,) = listing(followed.model, followed.machine.programs[0], 0).sources.values()
    assert told.lines == ((2, "mte_clear_page_tags()"), (3, "set_bit(PG_mte_tagged)"))
    assert source(protocol.__code__).lines == ()
