"""The VMM, or its child: a process that does the language's operations on its own memory."""

from __future__ import annotations

from mtelab.linux.mm import AddressSpace
from mtelab.linux.page_cache import File
from mtelab.linux.process import Process
from mtelab.scenario.grammar import Backing


class BadOperation(Exception):
    """The operation cannot be tried: what it needs is not there. The text is its result."""


class Actor:
    """A process, and what it calls its regions and files. Each operation is a method that returns its result.

    Parameters
    ----------
    process : Process
        The process.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.regions: dict[str, int] = {}
        self.files: dict[str, File] = {}

    @property
    def mm(self) -> AddressSpace:
        """The process's memory."""
        return self.process.mm

    def make_child(self) -> Actor:
        """Fork: the child knows the same names."""
        child = Actor(self.process.fork())
        child.regions.update(self.regions)
        child.files.update(self.files)
        return child

    def page(self, region: str, page: int, missing: str = "badop") -> int:
        """Address of a page of a region, as a page number."""
        if region not in self.regions:
            raise BadOperation(missing)
        return self.regions[region] + page

    def _file(self, backing: Backing) -> File | None:
        if backing.file is None:
            return None
        if backing.file not in self.files:
            raise BadOperation("badop")
        return self.files[backing.file]

    def memfd(self, name: str, pages: int) -> str:
        """Make a file."""
        self.files[name] = File(name, pages)
        return "ok"

    def hugefd(self, name: str, pages: int) -> str:
        """Make a file on huge pages."""
        self.files[name] = File(name, pages, hugetlb=True)
        return "ok"

    def mmap(self, region: str, pages: int, backing: Backing) -> str:
        """Map a region; if that fails, it does not exist."""
        file = self._file(backing)
        self.regions.pop(region, None)
        self.regions[region] = self.mm.mmap(pages, backing.prot, backing.shared, file, backing.offset)
        return "ok"

    def remap(self, region: str, page: int, pages: int, backing: Backing) -> str:
        """Map something else over pages of a region (MAP_FIXED)."""
        at = self.page(region, page)
        self.mm.mmap(pages, backing.prot, backing.shared, self._file(backing), backing.offset, at=at)
        return "ok"

    def munmap(self, region: str, page: int, pages: int) -> str:
        """Unmap pages."""
        self.mm.munmap(self.page(region, page), pages)
        return "ok"

    def mprotect(self, region: str, page: int, pages: int, prot: str) -> str:
        """Change the protection of pages."""
        self.mm.mprotect(self.page(region, page), pages, prot)
        return "ok"

    def dontneed(self, region: str, page: int, pages: int) -> str:
        """Drop pages (MADV_DONTNEED)."""
        self.mm.madvise_dontneed(self.page(region, page), pages)
        return "ok"

    def store(self, region: str, page: int, value: int, tag: int) -> str:
        """Store a byte."""
        self.process.store(self.page(region, page), value, tag)
        return "ok"

    def load(self, region: str, page: int, tag: int) -> str:
        """Load a byte."""
        return f"{self.process.load(self.page(region, page), tag):#04x}"

    def stg(self, region: str, page: int, granule: int, tag: int) -> str:
        """Set an allocation tag."""
        self.process.stg(self.page(region, page), granule, tag)
        return "ok"

    def ldg(self, region: str, page: int, granule: int) -> str:
        """Read an allocation tag."""
        return str(self.process.ldg(self.page(region, page), granule))
