"""``python -m udapose SUBCOMMAND``: the same as the command `udapose`."""
import sys

from .cli import main

if __name__ == '__main__':
    sys.exit(main())
