"""``python -m harness``: the command line."""

from __future__ import annotations

import sys

# Python puts the current folder in front; a user's own `reports/` or `studies/` there must not
# hide the packages of the same name.
if sys.path and not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
