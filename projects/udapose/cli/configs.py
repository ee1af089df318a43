"""Print where the configs are, list them, or copy one to change it.

    udapose configs                                    # the folder
    udapose configs --list [WORD ...]                  # those whose path has all words
    udapose configs --copy NAME --out my_config.py     # a copy that works anywhere

`udapose train $(udapose configs)/mean_teacher/NAME.py` trains one as it is. The copy inherits from
the installed configs, as the original does.
"""
from __future__ import annotations

import sys
from pathlib import Path

NEEDS_COMPONENTS = False


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('--list', nargs='*', metavar='WORD', dest='words',
                        help='print the configs themselves, one absolute path a line')
    parser.add_argument('--copy', metavar='NAME', help='a config, by its name or path in the list')
    parser.add_argument('--out', type=Path, default=Path(),
                        help='of --copy: new file or existing folder (default: this folder)')


def run(args) -> int:
    """Print, list or copy."""
    from udapose import configs
    try:
        if args.copy is not None:
            print(configs.copy_config(args.copy, args.out))
            return 0
        root = configs.config_root()
    except OSError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    if args.words is None:
        print(root)
        return 0
    found = [name for name in configs.list_configs() if all(word in name for word in args.words)]
    print('\n'.join(str(root / name) for name in found), end='\n' if found else '')
    if not found:
        print(f'error: no config has {" and ".join(args.words)} in its path', file=sys.stderr)
    return 0 if found else 1
