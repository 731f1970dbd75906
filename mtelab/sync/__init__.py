"""Steps, protocols, situations: how a kernel that runs on many CPUs initialises the tags of a page.

A protocol is written once, as a generator of steps, and used four ways: run straight through by the model of KVM,
stepped by hand in a figure, explored in every interleaving, and timed under contention.
"""

from mtelab.sync.flags import VM_MTE_ALLOWED, VM_SHARED, PG_mte_lock, PG_mte_tagged
from mtelab.sync.protocols import PROTOCOLS
from mtelab.sync.situations import SITUATIONS
from mtelab.sync.steps import (
    clear_bit,
    load_tag,
    mte_clear_page_tags,
    mte_restore_page_tags,
    refuse,
    set_bit,
    smp_load_acquire,
    smp_mb,
    smp_rmb,
    smp_store_release,
    smp_wmb,
    spin_lock,
    spin_unlock,
    store_tag,
    test_and_set_bit,
    test_bit,
    wait_for_bit,
)

__all__ = [
    "PROTOCOLS",
    "SITUATIONS",
    "VM_MTE_ALLOWED",
    "VM_SHARED",
    "PG_mte_lock",
    "PG_mte_tagged",
    "clear_bit",
    "load_tag",
    "mte_clear_page_tags",
    "mte_restore_page_tags",
    "refuse",
    "set_bit",
    "smp_load_acquire",
    "smp_mb",
    "smp_rmb",
    "smp_store_release",
    "smp_wmb",
    "spin_lock",
    "spin_unlock",
    "store_tag",
    "test_and_set_bit",
    "test_bit",
    "wait_for_bit",
]
