"""Runs componentize-py."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from .error import BuildError
from .narrow import WORLD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSION = "0.25.0"
"""The version of componentize-py whose bindings the SDK adapts: the same as in the extra `build`."""
PROGRAM = "import sys, componentize_py; sys.exit(componentize_py.script())"
"""The program `componentize-py` of this Python, wherever its scripts are."""
SHOWN_CHARACTERS = 4000
"""How much of the end of the program's output is shown if it fails: a traceback of the tool's module."""


def check() -> None:
    """Raises `BuildError` if componentize-py is missing or has another version."""
    remedy = "run `pip install 'noetl-tool-sdk[build]'`"
    try:
        found = version("componentize-py")
    except PackageNotFoundError:
        raise BuildError(f"componentize-py is not installed: {remedy}") from None
    if found != VERSION:
        raise BuildError(f"unsupported version {found} of componentize-py: expected {VERSION}; {remedy}")


def componentize(interface: Path, entry: str, folders: Sequence[Path], scratch: Path, output: Path) -> None:
    """Builds the component of the module `entry`, which imports other modules of the folders."""
    # Without this variable componentize-py adds the packages of the first `python3` that it finds.
    (scratch / "lib" / "site-packages").mkdir(parents=True)
    environment = {**os.environ, "VIRTUAL_ENV": str(scratch)}
    arguments = ["--wit-path", str(interface), "--world", WORLD, "componentize", entry, "--output", str(output)]
    for folder in folders:
        arguments += ["--python-path", str(folder)]
    command = [sys.executable, "-c", PROGRAM, "--quiet", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}".strip()[-SHOWN_CHARACTERS:]
        raise BuildError(f"cannot build the component: componentize-py exited with code {done.returncode}:\n{said}")
