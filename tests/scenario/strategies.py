"""Random scenarios for hypothesis, and what must hold of the machine after each."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from mtelab.linux.page_table import HUGE, LEAF, PRESENT, SPECIAL, SWAP, WRITE, pfn_of

KERNELS = st.sampled_from(["linux-6.1", "linux-6.12", "linux-6.18", "linux-7.2"])
PAGES = 4
TAGS = (3, 9)
"""Tags that scenarios write; whatever else a guest reads, but 0, it should not see."""
PROT = st.sampled_from(["-", "r", "w", "rw", "rm", "rwm", "rw", "rwm"])
PAGE = st.integers(0, PAGES - 1)
TAG = st.sampled_from(TAGS)
POINTER = st.sampled_from(["", " 3", " 9"])
REGION = st.sampled_from(["r0", "r1"])
GUEST = st.sampled_from(["v0", "v1"])
GRANULE = st.sampled_from([0, 1, 255])
SHARING = st.sampled_from(["private", "shared"])


def line(template, **parts):
    return st.builds(lambda **values: template.format(**values), **parts)


BACKING = line("{sharing} {source} {prot}", sharing=SHARING, source=st.sampled_from(["anon", "f0", "f0+1"]), prot=PROT)
BACKING_ANON = line("{sharing} anon {prot}", sharing=SHARING, prot=PROT)
RANGE = PAGE.flatmap(lambda k: st.builds(lambda n: f"{k} {n}", st.integers(1, PAGES - k)))
OWN = st.one_of(
    line("remap {r} {range} {backing}", r=REGION, range=RANGE, backing=BACKING),
    line("munmap {r} {range}", r=REGION, range=RANGE),
    line("mprotect {r} {range} {prot}", r=REGION, range=RANGE, prot=PROT),
    line("dontneed {r} {range}", r=REGION, range=RANGE),
    line("store {r} {k} {b}{t}", r=REGION, k=PAGE, b=st.integers(0, 255), t=POINTER),
    line("load {r} {k}{t}", r=REGION, k=PAGE, t=POINTER),
    line("stg {r} {k} {g} {t}", r=REGION, k=PAGE, g=GRANULE, t=TAG),
    line("ldg {r} {k} {g}", r=REGION, k=PAGE, g=GRANULE),
)
GUESTS = st.one_of(
    line(
        "slot {v} {i} {p} {r} {range}{f}",
        v=GUEST,
        i=st.integers(0, 2),
        p=st.integers(0, 5),
        r=REGION,
        range=RANGE,
        f=st.sampled_from(["", "", " log", " ro", " ro log"]),
    ),
    line("unslot {v} {i}", v=GUEST, i=st.integers(0, 2)),
    line("dirty {v} {i}", v=GUEST, i=st.integers(0, 2)),
    line("gload {v} {p}{t}", v=GUEST, p=PAGE, t=POINTER),
    line("gstore {v} {p} {b}{t}", v=GUEST, p=PAGE, b=st.integers(0, 255), t=POINTER),
    line("gldg {v} {p} {g}", v=GUEST, p=PAGE, g=GRANULE),
    line("gstg {v} {p} {g} {t}", v=GUEST, p=PAGE, g=GRANULE, t=TAG),
    line("tcf {v} {mode}", v=GUEST, mode=st.sampled_from(["none", "sync", "async", "asymm"])),
    line("tags {v} {p} {n}", v=GUEST, p=PAGE, n=st.integers(1, 4)),
    line("settags {v} {p} {n} {t}", v=GUEST, p=PAGE, n=st.integers(1, 4), t=TAG),
    line("rawtags {v} 0x80000000 4096 {flags} 0 1", v=GUEST, flags=st.integers(0, 1)),
)
START = line(
    "memfd f0 3;mmap r0 4 {a};mmap r1 4 {b};vm v0;mte v0;vcpu v0;vm v1;mte v1;vcpu v1;slot v0 0 0 r0 0 4",
    a=BACKING,
    b=BACKING,
)
OPERATION = st.one_of(OWN, GUESTS, GUESTS, OWN.map("child {}".format), st.just("fork"))
LOOK = [f"gldg {v} {p} 0" for v in ("v0", "v1") for p in range(PAGES)] + ["tags v0 0 4"]
"""At the end the guests look at what they can."""
SCENARIOS = st.builds(lambda start, rest: [*start.split(";"), *rest, *LOOK], START, st.lists(OPERATION, max_size=40))


HUGE_BACKING = line("{sharing} h0{off} {prot}", sharing=SHARING, off=st.sampled_from(["", "+512"]), prot=PROT)
HUGE_PAGE = st.sampled_from([0, 1, 511])
HUGE_RANGE = st.sampled_from(["0 512", "0 1", "1 511", "0 1024", "512 512"])
HUGE_START = line(
    "hugefd h0 2048;mmap r0 1024 {a};mmap r1 1024 {b};vm v0;mte v0;vcpu v0;vm v1;mte v1;vcpu v1;slot v0 0 0 r0 0 1024",
    a=HUGE_BACKING,
    b=HUGE_BACKING,
)
HUGE_OPERATION = st.one_of(
    line("remap {r} {range} {backing}", r=REGION, range=HUGE_RANGE, backing=st.one_of(HUGE_BACKING, BACKING_ANON)),
    line("munmap {r} {range}", r=REGION, range=HUGE_RANGE),
    line("mprotect {r} {range} {prot}", r=REGION, range=HUGE_RANGE, prot=PROT),
    line("dontneed {r} {range}", r=REGION, range=HUGE_RANGE),
    line("store {r} {k} 5{t}", r=REGION, k=HUGE_PAGE, t=POINTER),
    line("child store {r} {k} 6{t}", r=REGION, k=HUGE_PAGE, t=POINTER),
    line("child dontneed {r} {range}", r=REGION, range=HUGE_RANGE),
    line(
        "slot {v} {i} {p} {r} {range}{f}",
        v=GUEST,
        i=st.integers(0, 1),
        p=st.sampled_from([0, 1, 512]),
        r=REGION,
        range=HUGE_RANGE,
        f=st.sampled_from(["", " log", " ro"]),
    ),
    line("unslot {v} 0", v=GUEST),
    line("gstg {v} {p} 0 {t}", v=GUEST, p=HUGE_PAGE, t=TAG),
    line("gldg {v} {p} 0", v=GUEST, p=HUGE_PAGE),
    line("settags {v} {p} 2 {t}", v=GUEST, p=HUGE_PAGE, t=TAG),
    line("dirty {v} 0", v=GUEST),
    st.just("fork"),
)
HUGE_SCENARIOS = st.builds(
    lambda start, rest: [*start.split(";"), *rest], HUGE_START, st.lists(HUGE_OPERATION, max_size=25)
)


def check_balance(machine, guests=()):
    """Every frame is counted as often as it is used, and stage 2 shows nothing that the VMM does not map."""
    memory = machine.memory
    mapped, files = Counter(), {}
    for mm in machine.mms:
        for vma in mm.vmas:
            if vma.file is not None:
                files[id(vma.file)] = vma.file
            for page, entry in mm.page_table.items(vma.start, vma.end):
                if entry & PRESENT and not entry & SPECIAL and not (entry & HUGE and page % LEAF):
                    mapped[pfn_of(entry)] += 1
                if entry & SWAP:
                    assert machine.swap.slots[pfn_of(entry)].users > 0
    cached = Counter(pfn for file in files.values() for pfn in file.frames())
    for pfn, count in mapped.items():
        assert memory.mapcount[pfn] == count
        assert memory.refcount[pfn] == count + cached[pfn]
    assert memory.mapcount.sum() == mapped.total()
    for pfn in machine.pool.free:
        assert memory.refcount[pfn] == 0
    for vm in guests:
        for slot in vm.slots.values():
            for gfn, entry in vm.stage2.table.items(slot.base_gfn, slot.end_gfn):
                theirs = vm.mm.page_table[slot.hva_page(gfn)]
                assert theirs & PRESENT
                assert pfn_of(theirs) == pfn_of(entry)
                assert not entry & WRITE or theirs & WRITE
