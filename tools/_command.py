"""Runs a subcommand of `udapose` for the scripts of this folder, which keep older command lines."""
import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(*command: str) -> None:
    """Run ``udapose COMMAND`` with this process's arguments, and end the process."""
    # Without this folder: it would shadow modules called `test` or `train`.
    sys.path[:] = [p for p in sys.path if Path(p or '.').resolve() != HERE]
    if find_spec('udapose') is None:
        # Also without `pip install -e .`; processes started from here must find it, too.
        source = str(HERE.parent / 'projects')
        sys.path.insert(0, source)
        os.environ['PYTHONPATH'] = os.pathsep.join(
            filter(None, [source, os.environ.get('PYTHONPATH')]))
    from udapose_command import main
    sys.argv[1:1] = command
    sys.exit(main())
