"""Lab 10's exercises: right answers pass, the usual wrong ones fail with a word that helps."""

from __future__ import annotations

from typing import Any

import pytest

from mtelab.kvm.migration import Migration
from mtelab.learn import check, problem
from mtelab.learn.exercises import lab10
from mtelab.linux import Errno

SEEDS = range(12)


def loop(migration: Migration) -> None:
    migration.start_logging()
    pages: Any = migration.pages
    for _ in range(10):
        migration.send_data(pages)
        migration.send_tags(pages)
        pages = migration.dirty_log()
        if len(pages) <= 2:
            break
    migration.stop_guest()
    pages = sorted({*pages, *migration.dirty_log()})
    migration.send_data(pages)
    migration.send_tags(pages)


def tags_at_the_end(migration: Migration) -> None:
    migration.start_logging()
    pages: Any = migration.pages
    for _ in range(3):
        migration.send_data(pages)
        pages = migration.dirty_log()
    migration.stop_guest()
    migration.send_data(sorted({*pages, *migration.dirty_log()}))
    migration.send_tags(migration.pages)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_right_loops_pass_for_every_guest(seed: int) -> None:
    assert check("migration_loop", loop, seed=seed).passed
    assert check("migration_loop", tags_at_the_end, seed=seed).passed


def logs_too_late(migration: Migration) -> None:
    migration.send_data(migration.pages)
    migration.send_tags(migration.pages)
    migration.start_logging()
    migration.stop_guest()
    pages = migration.dirty_log()
    migration.send_data(pages)
    migration.send_tags(pages)


def forgets_the_last_log(migration: Migration) -> None:
    migration.start_logging()
    pages: Any = migration.pages
    for _ in range(4):
        migration.send_data(pages)
        migration.send_tags(pages)
        pages = migration.dirty_log()
    migration.stop_guest()
    migration.send_data(pages)
    migration.send_tags(pages)


def sends_tags_once(migration: Migration) -> None:
    migration.start_logging()
    migration.send_tags(migration.pages)
    pages: Any = migration.pages
    for _ in range(4):
        migration.send_data(pages)
        pages = migration.dirty_log()
    migration.stop_guest()
    migration.send_data(sorted({*pages, *migration.dirty_log()}))


def stops_first(migration: Migration) -> None:
    migration.stop_guest()
    migration.send_data(migration.pages)
    migration.send_tags(migration.pages)


def never_stops(migration: Migration) -> None:
    migration.start_logging()
    migration.send_data(migration.pages)
    migration.send_tags(migration.pages)


def waits_for_an_empty_log(migration: Migration) -> None:
    migration.start_logging()
    pages: Any = migration.pages
    while pages:
        migration.send_data(pages)
        migration.send_tags(pages)
        pages = migration.dirty_log()
    migration.stop_guest()
    pages = migration.dirty_log()
    migration.send_data(pages)
    migration.send_tags(pages)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (logs_too_late, "lost"),
        (forgets_the_last_log, "lost"),
        (sends_tags_once, "tags lost"),
        (stops_first, "while the guest was stopped"),
        (never_stops, "stop_guest() was not called"),
        (waits_for_an_empty_log, "the loop does not end"),
    ],
)
def test_a_wrong_loop_is_told_why(wrong: Any, words: str) -> None:
    for seed in range(3):
        result = check("migration_loop", wrong, seed=seed)
        assert not result.passed
        assert words in str(result)


def all_tags(ioctl: Any, guest_ipa: int, length: int, buffer: Any) -> tuple[int, str | None]:
    done = 0
    while done < length:
        try:
            done += ioctl(guest_ipa + done, length - done, buffer[done // 16 :])
        except Errno as error:
            return done, error.name
    return done, None


def no_second_call(ioctl: Any, guest_ipa: int, length: int, buffer: Any) -> tuple[int, str | None]:
    try:
        return ioctl(guest_ipa, length, buffer), None
    except Errno as error:
        return 0, error.name


def always_at_the_start_of_the_buffer(ioctl: Any, guest_ipa: int, length: int, buffer: Any) -> tuple[int, str | None]:
    for done in range(0, length, 4096):
        try:
            ioctl(guest_ipa + done, 4096, buffer)
        except Errno as error:
            return done, error.name
    return length, None


def test_partial_results() -> None:
    for seed in SEEDS:
        assert check("copy_tags_all", all_tags, seed=seed).passed
    assert "'EFAULT'" in str(check("copy_tags_all", no_second_call, seed=1))
    assert "but not the buffer" in str(check("copy_tags_all", always_at_the_start_of_the_buffer, seed=1))


@pytest.mark.parametrize("seed", range(30))
def test_every_answer_is_asked_for(seed: int) -> None:
    question = problem("why_ebusy", seed=seed)
    assert set(lab10.why_ebusy(question)) == set(lab10.ANSWERS)
    assert all(kernel in repr(question) for kernel, _, _ in question.cases)


def test_the_price_by_hand() -> None:
    rounds = [[0, 1, 2, 3], [1, 2], [2]]
    assert lab10.wire_price(rounds, False, "with the data") == (6 * 256, 256)
    assert lab10.wire_price(rounds, True, "with the data") == (6 * 128, 128)
    assert lab10.wire_price(rounds, True, "at the end") == (0, 4 * 128)
