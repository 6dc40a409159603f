"""Compares an outcome with what it must contain: `outcome.py FILE JSON`."""

import json
import sys
from pathlib import Path


def main() -> int:
    """Returns the exit code: 0 if every expected key has the expected value."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    expected = json.loads(sys.argv[2])
    outcome = json.loads(text) if text else {}
    if {key: outcome.get(key) for key in expected} == expected:
        return 0
    print(f"error: expected {json.dumps(expected)}, and got {text or 'no outcome'}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
