"""The command line: `python -m noetl_tool_sdk build`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .build import BuildError, build


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns the exit code."""
    parser = argparse.ArgumentParser("python -m noetl_tool_sdk", description="Builds tools for toolhost.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("build", help="build the WebAssembly component of a tool")
    command.add_argument(
        "module",
        nargs="?",
        metavar="MODULE",
        help="the tool's module, or MODULE:CLASS; by default the one with the name of the project in this folder",
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the file to write; dist/KIND.wasm by default"
    )
    options = parser.parse_args(arguments)
    try:
        built = build(options.module, options.output, Path())
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    grants = [f"{{file: {built.file.name}}}", *sorted(built.tool.capabilities)]
    print(f"wrote `{built.file}` ({built.size_bytes / 1e6:.1f} MB)")
    print(f"to call it, write to `{built.file.parent / 'grants.yaml'}`:")
    print(f"grants: {{{built.tool.kind}: [{', '.join(grants)}]}}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
