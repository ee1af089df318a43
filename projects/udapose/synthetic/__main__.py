"""``python -m udapose.synthetic``: the same as ``udapose synth``."""
from __future__ import annotations

import sys
from collections.abc import Sequence

from udapose import cli


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return cli.main(['synth', *(sys.argv[1:] if argv is None else argv)])


if __name__ == '__main__':
    sys.exit(main())
