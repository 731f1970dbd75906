"""Long work of a figure, in pieces: between two of them the notebook runs its cells and the figure hears its buttons.

Without threads, which a notebook in the browser has none of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from typing import Final

BREATH: Final = 0.001
"""Seconds between two pieces: time enough for the messages that wait."""


def in_background(pieces: Iterable[float | None]) -> asyncio.Task[None] | None:
    """Do pieces of work while the notebook is awake.

    Parameters
    ----------
    pieces : iterable of float or None
        Does a piece whenever it is asked for the next; yields for how many seconds to rest then, None for a breath.

    Returns
    -------
    asyncio.Task or None
        None in a script, where nobody would do the work: nothing has been done then.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return loop.create_task(_awake(pieces))


async def _awake(pieces: Iterable[float | None]) -> None:
    for rest in pieces:
        await asyncio.sleep(BREATH if rest is None else rest)


class Background:
    """One long work at a time; to start another, or to stop it, closes it where it stands."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._work: Generator[None, None, None] | None = None

    def start(self, work: Generator[None, None, None]) -> None:
        """Do a first piece now, which may be all there is, and the rest in the background; in a script do it all now.

        Raises
        ------
        ValueError
            As the first piece does.
        """
        self.stop()
        self._work = work
        next(work, None)
        self.task = in_background(work)
        if self.task is None:
            for _ in work:
                pass

    def stop(self) -> None:
        """End the work, if there is one: it does not go on, and cleans up after itself."""
        if self._work is not None:
            self._work.close()
            self._work = None
