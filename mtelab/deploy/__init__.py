"""The course for a class: on a JupyterHub, and as a site that runs in the browser. README.md here says how."""

from pathlib import Path
from typing import Final

RECIPE: Final = Path(__file__).with_name("jupyterhub_config.py")
"""The configuration of a JupyterHub."""
