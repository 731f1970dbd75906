"""Linux memory: frames and their flags, address spaces, page faults, copy-on-write, swap, and what becomes of tags.

The names are Linux's. Nothing here knows of KVM: it only hears of changes through notifiers.
"""

from mtelab.linux.errors import Errno, Signal
from mtelab.linux.machine import Machine
from mtelab.linux.mm import AddressSpace
from mtelab.linux.page import PhysicalMemory
from mtelab.linux.page_cache import File
from mtelab.linux.process import Process
from mtelab.linux.rules import MemoryRules
from mtelab.linux.vma import VMA

__all__ = ["VMA", "AddressSpace", "Errno", "File", "Machine", "MemoryRules", "PhysicalMemory", "Process", "Signal"]
