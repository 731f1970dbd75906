/* page-lock in vm-and-mprotect: 3 CPUs, 1 page, mmu_lock shared */

bit tagged_0, lock_0;
byte tag_0_0 = 15;
byte tag_0_1 = 15;
byte tag_0_2 = 15;
byte spin_0; /* ('mmap_lock', 1): 0, or its holder's number and 1 */
byte spin_1; /* ('mmap_lock', 2): 0, or its holder's number and 1 */

active proctype cpu_0()
{
L0: if /* test_and_set_bit(PG_mte_lock, page 0) */
    :: lock_0 -> goto L1
    :: d_step { !lock_0 -> lock_0 = 1 }; goto L22
    fi;
L1: tagged_0; goto L2; /* wait_for_bit(PG_mte_tagged, page 0) */
L2: true; goto L3; /* map_page(page 0) */
L3: assert(tag_0_0 != 15); goto L4; /* load_tag(page 0, 0), first look */
L4: tag_0_0 = 1; goto L5; /* store_tag(page 0, 0, 1), own tag */
L5: if /* load_tag(page 0, 0), look again */
    :: d_step { tag_0_0 == 0 -> assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10) }; goto end_21
    :: d_step { tag_0_0 == 1 -> assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10) }; goto end_20
    :: d_step { tag_0_0 == 15 -> assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10) }; goto end_6
    fi;
L22: tag_0_0 = 0; tag_0_1 = 0; tag_0_2 = 0; goto L23; /* mte_clear_page_tags(page 0) */
L23: true; goto L24; /* smp_wmb() */
L24: tagged_0 = 1; goto L2; /* set_bit(PG_mte_tagged, page 0) */
end_6: false;
end_20: false;
end_21: false;
}

active proctype cpu_1()
{
L0: if :: d_step { spin_0 == 0 -> spin_0 = 2 } fi; goto L1; /* spin_lock(('mmap_lock', 1)) */
L1: if /* test_bit(PG_mte_tagged, page 0) */
    :: tagged_0 -> goto L2
    :: !tagged_0 -> goto L25
    fi;
L2: true; goto L3; /* smp_rmb() */
L3: true; goto L4; /* smp_wmb() */
L4: true; goto L5; /* map_page(page 0) */
L5: spin_0 = 0; goto L6; /* spin_unlock(('mmap_lock', 1)) */
L6: assert(tag_0_1 != 15); goto L7; /* load_tag(page 0, 1), first look */
L7: tag_0_1 = 2; goto L8; /* store_tag(page 0, 1, 2), own tag */
L8: if /* load_tag(page 0, 1), look again */
    :: d_step { tag_0_1 == 0 -> assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10) }; goto end_24
    :: d_step { tag_0_1 == 2 -> assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10) }; goto end_22
    :: d_step { tag_0_1 == 15 -> assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10) }; goto end_9
    fi;
L25: if /* test_and_set_bit(PG_mte_lock, page 0) */
    :: lock_0 -> goto L26
    :: d_step { !lock_0 -> lock_0 = 1 }; goto L27
    fi;
L26: tagged_0; goto L3; /* wait_for_bit(PG_mte_tagged, page 0) */
L27: tag_0_0 = 0; tag_0_1 = 0; tag_0_2 = 0; goto L28; /* mte_clear_page_tags(page 0) */
L28: true; goto L29; /* smp_wmb() */
L29: tagged_0 = 1; goto L3; /* set_bit(PG_mte_tagged, page 0) */
end_9: false;
end_22: false;
end_24: false;
}

active proctype cpu_2()
{
L0: if :: d_step { spin_1 == 0 -> spin_1 = 3 } fi; goto L1; /* spin_lock(('mmap_lock', 2)) */
L1: if /* test_bit(PG_mte_tagged, page 0) */
    :: tagged_0 -> goto L2
    :: !tagged_0 -> goto L25
    fi;
L2: true; goto L3; /* smp_rmb() */
L3: true; goto L4; /* smp_wmb() */
L4: true; goto L5; /* map_page(page 0) */
L5: spin_1 = 0; goto L6; /* spin_unlock(('mmap_lock', 2)) */
L6: assert(tag_0_2 != 15); goto L7; /* load_tag(page 0, 2), first look */
L7: tag_0_2 = 3; goto L8; /* store_tag(page 0, 2, 3), own tag */
L8: if /* load_tag(page 0, 2), look again */
    :: d_step { tag_0_2 == 0 -> assert(tag_0_2 != 15 && tag_0_2 != 0 && tag_0_2 != 10) }; goto end_24
    :: d_step { tag_0_2 == 3 -> assert(tag_0_2 != 15 && tag_0_2 != 0 && tag_0_2 != 10) }; goto end_21
    :: d_step { tag_0_2 == 15 -> assert(tag_0_2 != 15 && tag_0_2 != 0 && tag_0_2 != 10) }; goto end_9
    fi;
L25: if /* test_and_set_bit(PG_mte_lock, page 0) */
    :: lock_0 -> goto L26
    :: d_step { !lock_0 -> lock_0 = 1 }; goto L27
    fi;
L26: tagged_0; goto L3; /* wait_for_bit(PG_mte_tagged, page 0) */
L27: tag_0_0 = 0; tag_0_1 = 0; tag_0_2 = 0; goto L28; /* mte_clear_page_tags(page 0) */
L28: true; goto L29; /* smp_wmb() */
L29: tagged_0 = 1; goto L3; /* set_bit(PG_mte_tagged, page 0) */
end_9: false;
end_21: false;
end_24: false;
}
