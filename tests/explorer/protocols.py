"""Random small protocols, for hypothesis: lists of steps with branches, locks that may be forgotten, and spins."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from hypothesis import strategies as st

from mtelab import sync
from mtelab.sync import PG_mte_lock, PG_mte_tagged

FLAGS = (PG_mte_tagged, PG_mte_lock)
SIMPLE = ("set_bit", "wait_for_bit", "clear", "clear", "wmb", "rmb", "mb", "release", "return")
ASKED = ("test_bit", "test_and_set_bit", "smp_load_acquire")


class Written:
    """A protocol that was made of a list; its repr is the list."""

    __name__ = "written"

    def __init__(self, body: tuple[Any, ...]) -> None:
        self.body = body

    def __repr__(self) -> str:
        return repr(self.body)

    def __call__(self, cpu: sync.steps.Cpu, page: sync.steps.Page) -> Generator[Any, Any, None]:
        return _run(self.body, page)


def _run(body: tuple[Any, ...], page: Any) -> Generator[Any, Any, Any]:
    """Run a list; the value says whether to leave the protocol."""
    for kind, *rest in body:
        if kind == "return":
            return True
        if kind in ("wmb", "rmb", "mb"):
            yield getattr(sync, f"smp_{kind}")()
        elif kind == "clear":
            yield sync.mte_clear_page_tags(page)
        elif kind == "release":
            yield sync.smp_store_release(rest[0], page, True)
        elif kind == "lock":
            yield sync.spin_lock("lock")
            if (yield from _run(rest[0], page)):
                return True
            yield sync.spin_unlock("lock")
        elif kind == "spin":
            while not (yield sync.test_bit(rest[0], page)):
                pass
        elif kind in ASKED:
            flag, one, other = rest
            if (yield from _run(one if (yield getattr(sync, kind)(flag, page)) else other, page)):
                return True
        else:
            yield getattr(sync, kind)(rest[0], page)
    return False


def steps(inner: st.SearchStrategy[tuple[Any, ...]]) -> st.SearchStrategy[tuple[Any, ...]]:
    flags = st.sampled_from(FLAGS)
    return st.one_of(
        st.tuples(st.sampled_from(SIMPLE), flags),
        st.tuples(st.sampled_from(ASKED), flags, inner, inner),
        st.tuples(st.just("lock"), inner),
        st.tuples(st.just("spin"), flags),
    )


def bodies(depth: int) -> st.SearchStrategy[tuple[Any, ...]]:
    inner = st.just(()) if depth == 0 else bodies(depth - 1)
    return st.lists(steps(inner), max_size=3).map(tuple)


written = bodies(1).map(Written)
