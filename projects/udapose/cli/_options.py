"""Options that several subcommands share."""
from __future__ import annotations

import sys
from argparse import ArgumentParser


def add_cfg_options(parser: ArgumentParser, help: str, name: str = '--cfg-options') -> None:
    """Add an option ``KEY=VALUE ...``; :func:`parse_cfg_options` reads what it collects."""
    parser.add_argument(name, nargs='+', default=[], metavar='KEY=VALUE', help=help)


def parse_cfg_options(given: list[str]) -> dict:
    """Options as the values that MMEngine, and so ``udapose train``, would understand.

    Args:
        given (list[str]): ``KEY=VALUE``, dotted keys.

    Raises:
        SystemExit: One is not of this form.
    """
    for option in given:
        if '=' not in option:
            sys.exit(f'error: {option!r} is not of the form KEY=VALUE')
    from mmengine.config import DictAction
    return {k: DictAction._parse_iterable(v) for k, v in (o.split('=', 1) for o in given)}
