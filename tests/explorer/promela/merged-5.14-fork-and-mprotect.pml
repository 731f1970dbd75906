/* merged-5.14 in fork-and-mprotect: 2 CPUs, 2 pages, mmu_lock exclusive */

bit tagged_0, lock_0;
bit tagged_1, lock_1;
byte tag_0_0 = 15;
byte tag_0_1 = 15;
byte tag_1_0 = 15;
byte tag_1_1 = 15;
byte spin_0; /* ('mmap_lock', 1): 0, or its holder's number and 1 */
byte spin_1; /* ('mmu_lock', 0): 0, or its holder's number and 1 */

active proctype cpu_0()
{
L0: if :: d_step { spin_1 == 0 -> spin_1 = 1 } fi; goto L1; /* spin_lock(('mmu_lock', 0)) */
L1: if /* test_bit(PG_mte_tagged, page 0) */
    :: tagged_0 -> goto L2
    :: !tagged_0 -> goto L32
    fi;
L2: true; goto L3; /* map_page(page 0) */
L3: spin_1 = 0; goto L4; /* spin_unlock(('mmu_lock', 0)) */
L4: assert(tag_0_0 != 15); goto L5; /* load_tag(page 0, 0), first look */
L5: tag_0_0 = 1; goto L6; /* store_tag(page 0, 0, 1), own tag */
L6: assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10); goto L7; /* load_tag(page 0, 0), look again */
L7: if :: d_step { spin_1 == 0 -> spin_1 = 1 } fi; goto L8; /* spin_lock(('mmu_lock', 0)) */
L8: if /* test_bit(PG_mte_tagged, page 1) */
    :: tagged_1 -> goto L9
    :: !tagged_1 -> goto L30
    fi;
L9: true; goto L10; /* map_page(page 1) */
L10: spin_1 = 0; goto L11; /* spin_unlock(('mmu_lock', 0)) */
L11: assert(tag_1_0 != 15); goto L12; /* load_tag(page 1, 0), first look */
L12: tag_1_0 = 1; goto L13; /* store_tag(page 1, 0, 1), own tag */
L13: if /* load_tag(page 1, 0), look again */
    :: d_step { tag_1_0 == 0 -> assert(tag_1_0 != 15 && tag_1_0 != 0 && tag_1_0 != 10) }; goto end_29
    :: d_step { tag_1_0 == 1 -> assert(tag_1_0 != 15 && tag_1_0 != 0 && tag_1_0 != 10) }; goto end_28
    :: d_step { tag_1_0 == 15 -> assert(tag_1_0 != 15 && tag_1_0 != 0 && tag_1_0 != 10) }; goto end_14
    fi;
L30: tag_1_0 = 0; tag_1_1 = 0; goto L31; /* mte_clear_page_tags(page 1) */
L31: tagged_1 = 1; goto L9; /* set_bit(PG_mte_tagged, page 1) */
L32: tag_0_0 = 0; tag_0_1 = 0; goto L33; /* mte_clear_page_tags(page 0) */
L33: tagged_0 = 1; goto L2; /* set_bit(PG_mte_tagged, page 0) */
end_14: false;
end_28: false;
end_29: false;
}

active proctype cpu_1()
{
L0: if :: d_step { spin_0 == 0 -> spin_0 = 2 } fi; goto L1; /* spin_lock(('mmap_lock', 1)) */
L1: if /* test_and_set_bit(PG_mte_tagged, page 0) */
    :: tagged_0 -> goto L2
    :: d_step { !tagged_0 -> tagged_0 = 1 }; goto L31
    fi;
L2: true; goto L3; /* map_page(page 0) */
L3: spin_0 = 0; goto L4; /* spin_unlock(('mmap_lock', 1)) */
L4: assert(tag_0_1 != 15); goto L5; /* load_tag(page 0, 1), first look */
L5: tag_0_1 = 2; goto L6; /* store_tag(page 0, 1, 2), own tag */
L6: assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10); goto L7; /* load_tag(page 0, 1), look again */
L7: if :: d_step { spin_0 == 0 -> spin_0 = 2 } fi; goto L8; /* spin_lock(('mmap_lock', 1)) */
L8: if /* test_and_set_bit(PG_mte_tagged, page 1) */
    :: tagged_1 -> goto L9
    :: d_step { !tagged_1 -> tagged_1 = 1 }; goto L30
    fi;
L9: true; goto L10; /* map_page(page 1) */
L10: spin_0 = 0; goto L11; /* spin_unlock(('mmap_lock', 1)) */
L11: assert(tag_1_1 != 15); goto L12; /* load_tag(page 1, 1), first look */
L12: tag_1_1 = 2; goto L13; /* store_tag(page 1, 1, 2), own tag */
L13: if /* load_tag(page 1, 1), look again */
    :: d_step { tag_1_1 == 0 -> assert(tag_1_1 != 15 && tag_1_1 != 0 && tag_1_1 != 10) }; goto end_29
    :: d_step { tag_1_1 == 2 -> assert(tag_1_1 != 15 && tag_1_1 != 0 && tag_1_1 != 10) }; goto end_27
    :: d_step { tag_1_1 == 15 -> assert(tag_1_1 != 15 && tag_1_1 != 0 && tag_1_1 != 10) }; goto end_14
    fi;
L30: tag_1_0 = 0; tag_1_1 = 0; goto L9; /* mte_clear_page_tags(page 1) */
L31: tag_0_0 = 0; tag_0_1 = 0; goto L2; /* mte_clear_page_tags(page 0) */
end_14: false;
end_27: false;
end_29: false;
}
