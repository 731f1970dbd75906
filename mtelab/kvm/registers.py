"""The vCPU's tag registers as the VMM saves and restores them: KVM_GET_ONE_REG, KVM_SET_ONE_REG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mtelab.linux.errors import Errno

if TYPE_CHECKING:
    from mtelab.kvm.vcpu import VCPU

TAG_REGISTERS: Final = ("gcr", "rgsr", "tfsr")
"""GCR_EL1, RGSR_EL1, TFSR_EL1: only there in a VM with MTE."""


def get_one_reg(vcpu: VCPU, name: str) -> int:
    """Read a tag register; ENOENT without MTE."""
    _check(vcpu)
    return vcpu.registers[name]


def set_one_reg(vcpu: VCPU, name: str, value: int) -> None:
    """Write a tag register, all 64 bits of it; ENOENT without MTE."""
    _check(vcpu)
    vcpu.registers[name] = value


def id_aa64pfr1_mte(vcpu: VCPU) -> int:
    """Field MTE of ID_AA64PFR1_EL1: 3 (with asymmetric mode), or 0 if the VM has no MTE."""
    return 3 if vcpu.vm.mte_enabled else 0


def _check(vcpu: VCPU) -> None:
    if not vcpu.vm.mte_enabled:
        raise Errno("ENOENT", "the VM has no MTE, so the register does not exist")
