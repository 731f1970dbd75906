/* clear-first in two-vms: 2 CPUs, 1 page, mmu_lock exclusive */

bit tagged_0, lock_0;
byte tag_0_0 = 15;
byte tag_0_1 = 15;
byte spin_0; /* ('mmu_lock', 0): 0, or its holder's number and 1 */
byte spin_1; /* ('mmu_lock', 1): 0, or its holder's number and 1 */

active proctype cpu_0()
{
L0: if :: d_step { spin_0 == 0 -> spin_0 = 1 } fi; goto L1; /* spin_lock(('mmu_lock', 0)) */
L1: if /* test_bit(PG_mte_tagged, page 0) */
    :: tagged_0 -> goto L2
    :: !tagged_0 -> goto L23
    fi;
L2: true; goto L3; /* map_page(page 0) */
L3: spin_0 = 0; goto L4; /* spin_unlock(('mmu_lock', 0)) */
L4: assert(tag_0_0 != 15); goto L5; /* load_tag(page 0, 0), first look */
L5: tag_0_0 = 1; goto L6; /* store_tag(page 0, 0, 1), own tag */
L6: if /* load_tag(page 0, 0), look again */
    :: d_step { tag_0_0 == 0 -> assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10) }; goto end_22
    :: d_step { tag_0_0 == 1 -> assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10) }; goto end_21
    :: d_step { tag_0_0 == 15 -> assert(tag_0_0 != 15 && tag_0_0 != 0 && tag_0_0 != 10) }; goto end_7
    fi;
L23: tag_0_0 = 0; tag_0_1 = 0; goto L24; /* mte_clear_page_tags(page 0) */
L24: tagged_0 = 1; goto L2; /* set_bit(PG_mte_tagged, page 0) */
end_7: false;
end_21: false;
end_22: false;
}

active proctype cpu_1()
{
L0: if :: d_step { spin_1 == 0 -> spin_1 = 2 } fi; goto L1; /* spin_lock(('mmu_lock', 1)) */
L1: if /* test_bit(PG_mte_tagged, page 0) */
    :: tagged_0 -> goto L2
    :: !tagged_0 -> goto L23
    fi;
L2: true; goto L3; /* map_page(page 0) */
L3: spin_1 = 0; goto L4; /* spin_unlock(('mmu_lock', 1)) */
L4: assert(tag_0_1 != 15); goto L5; /* load_tag(page 0, 1), first look */
L5: tag_0_1 = 2; goto L6; /* store_tag(page 0, 1, 2), own tag */
L6: if /* load_tag(page 0, 1), look again */
    :: d_step { tag_0_1 == 0 -> assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10) }; goto end_22
    :: d_step { tag_0_1 == 2 -> assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10) }; goto end_20
    :: d_step { tag_0_1 == 15 -> assert(tag_0_1 != 15 && tag_0_1 != 0 && tag_0_1 != 10) }; goto end_7
    fi;
L23: tag_0_0 = 0; tag_0_1 = 0; goto L24; /* mte_clear_page_tags(page 0) */
L24: tagged_0 = 1; goto L2; /* set_bit(PG_mte_tagged, page 0) */
end_7: false;
end_20: false;
end_22: false;
}
