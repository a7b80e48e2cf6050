"""The open data the studio is made from."""

from __future__ import annotations

import os
from pathlib import Path


def asset(name: str) -> Path:
    """The folder that holds an asset's files."""
    return Path(os.environ["HEADFIELD_ASSETS"]) / {"ict-facekit": "morphable"}[name]
