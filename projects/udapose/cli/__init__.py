"""The command ``udapose SUBCOMMAND ...``, also ``python -m udapose``.

A subcommand is a module of this package:

- The first line of its docstring is its help text.
- ``add_arguments(parser)`` defines its options, ``run(args) -> int`` runs it and returns the exit
  status. With ``PASS_THROUGH = True`` it has no options of its own: ``args.arguments`` is what was
  given, ``--help`` included.
- It imports nothing heavy at the top, so that ``--help`` answers at once. All components are
  registered when ``run`` is called, unless it says ``NEEDS_COMPONENTS = False``.

Modules with an underscore are what subcommands share, or the work behind one.
"""
from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

#: Subcommand -> module, in the order of ``udapose --help``.
COMMANDS = {
    'quickstart': 'udapose.cli.quickstart',
    'adapt': 'udapose.cli.adapt',
    'predict': 'udapose.cli.predict',
    'doctor': 'udapose.cli.doctor',
    'configs': 'udapose.cli.configs',
    'synth': 'udapose.cli.synth',
    'convert': 'udapose.cli.convert',
    'make-masks': 'udapose.cli.make_masks',
    'check-data': 'udapose.cli.check_data',
    'train': 'udapose.cli.train',
    'test': 'udapose.cli.test',
    'two-stage': 'udapose.cli.two_stage',
    'export': 'udapose.cli.export',
    'sheet': 'udapose.cli.sheet',
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv (Sequence[str], optional): Arguments; the process's own if omitted.

    Returns:
        int: Exit status: 0 well done, 2 not understood, 130 interrupted; others are a
        subcommand's.
    """
    from udapose import __version__
    # Before torch is loaded: threads that wait for each other sleep. Else they burn the time of
    # whatever else runs, and on a loaded machine a prediction took twenty times as long.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv in (['--version'], ['-V']):
        print(f'udapose {__version__}')
        return 0
    try:
        return dispatch('udapose', COMMANDS, argv,
                        'Unsupervised domain adaptation of pose estimation, a plugin of MMPose.')
    except KeyboardInterrupt:
        print('\nInterrupted; most commands continue where they were when repeated.',
              file=sys.stderr)
        return 130


def dispatch(program: str, commands: Mapping[str, str], argv: Sequence[str], title: str) -> int:
    """Run the command that ``argv`` begins with, or list all.

    Args:
        program (str): What stands before the command, for the help.
        commands (Mapping[str, str]): Name to module, see this module's docstring.
        argv (Sequence[str]): Arguments.
        title (str): First line of the list.

    Returns:
        int: Exit status.
    """
    # A part that this installation lacks is not offered.
    known = {name: module for name, module in commands.items() if find_spec(module) is not None}
    if not argv or argv[0] in ('-h', '--help'):
        print(f'{title}\n\n{_listing(program, known)}')
        return 0
    name, *rest = argv
    if name not in known:
        print(f'error: {program} has no command {name!r}.\n{_listing(program, known)}',
              file=sys.stderr)
        return 2
    return _run(f'{program} {name}', import_module(known[name]), rest)


def _run(program: str, module, argv: list[str]) -> int:
    if getattr(module, 'PASS_THROUGH', False):
        args = argparse.Namespace(arguments=argv, program=program)
    else:
        parser = argparse.ArgumentParser(
            prog=program, description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(parser)
        args = parser.parse_args(argv)
    if getattr(module, 'NEEDS_COMPONENTS', True):
        require_components()
    try:
        return module.run(args)
    except (FileNotFoundError, SystemExit) as error:
        text = error.code if isinstance(error, SystemExit) else f'error: {error}'
        if _NO_CONFIG.search(str(text)):
            sys.exit(_NO_CONFIG.sub(lambda found: does_not_exist(found[1] or found[2]), text))
        raise


# The system's words and MMEngine's, of the config itself or of one in its `_base_`.
_NO_CONFIG = re.compile(r"""\[Errno 2\] [^:]+: '([^']+\.py)'|file "([^"]+\.py)" does not exist""")


def does_not_exist(config: str | Path) -> str:
    """What to say of a config that is not there."""
    from udapose.configs import elsewhere
    return f'config {config} does not exist{elsewhere(config)}'


def require_components() -> None:
    """Register all components.

    Raises:
        SystemExit: Something that they need is not installed.
    """
    import udapose
    try:
        udapose.load_components()
    except ImportError as error:
        sys.exit(f'error: {error}\n`udapose doctor` says what is missing, and what installs it.')


def _listing(program: str, commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    lines = [f'  {name:{width}}  {_first_line(module)}' for name, module in commands.items()]
    return '\n'.join([f'usage: {program} COMMAND ...', '', *lines, '',
                      f'`{program} COMMAND --help` explains a command.'])


def _first_line(module: str) -> str:
    """The first line of a module's docstring, without running the module."""
    source = Path(find_spec(module).origin).read_text(encoding='utf-8')
    return (ast.get_docstring(ast.parse(source)) or '').partition('\n')[0]
