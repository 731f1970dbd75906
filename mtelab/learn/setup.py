"""Is everything here that the labs need?"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

NEEDS: Final = {
    "numpy": "the models",
    "jupyterlab": "the notebooks",
    "ipywidgets": "sliders and buttons",
    "anywidget": "figures that draw",
    "bokeh": "charts",
    "jupyter_bokeh": "charts in a notebook",
}
"""What is imported, and what for."""


def check_setup() -> None:
    """Print, line by line, what the labs need and whether this Python has it."""
    found = {"Python 3.11 or newer": sys.version_info >= (3, 11)}
    needs = dict(NEEDS)
    if sys.platform == "emscripten":
        del needs["jupyterlab"]  # in a browser it is the page itself
    found |= {f"{name} ({use})": find_spec(name) is not None for name, use in needs.items()}
    for need, here in found.items():
        print(f"{'yes' if here else 'NO ':3}  {need}")
    if all(found.values()):
        print("\nEverything is here.")
    else:
        print(f'\nSomething is missing. In a terminal: "{sys.executable}" -m pip install mtelab')
