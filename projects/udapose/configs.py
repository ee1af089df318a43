"""Where udapose's configs are: ``python -m udapose.configs [--list]``.

In a checkout (also ``pip install -e .``) that is its ``configs/`` folder; an installed package
brings a copy along.
"""
import argparse
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def config_root() -> Path:
    """The folder that holds ``_base_``, ``source_only``, ``mean_teacher`` and so on.

    Returns:
        Path: An absolute, existing folder.

    Raises:
        FileNotFoundError: If the package was copied somewhere without its configs.
    """
    candidates = (PACKAGE / '.mim' / 'configs', PACKAGE.parent.parent / 'configs')
    for folder in candidates:
        # `_base_` tells our folder from an unrelated one that happens to have the same name.
        if (folder / '_base_').is_dir():
            return folder
    raise FileNotFoundError(
        f'udapose in {PACKAGE} came without its configs (looked in '
        f'{" and ".join(map(str, candidates))}). Install it with `pip install .` or '
        '`pip install -e .` from a complete checkout.')


def list_configs() -> list[str]:
    """All configs that can be trained (not the ``_base_`` parts), relative to the root."""
    root = config_root()
    relative = (path.relative_to(root) for path in root.rglob('*.py'))
    return sorted(path.as_posix() for path in relative if '_base_' not in path.parts)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog='python -m udapose.configs', description=(
        'Print the folder that holds the configs of the udapose in use.'))
    parser.add_argument('--list', action='store_true',
                        help='print the configs themselves, one absolute path a line')
    args = parser.parse_args(argv)
    try:
        root = config_root()
    except FileNotFoundError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    for line in ([str(root / name) for name in list_configs()] if args.list else [str(root)]):
        print(line)
    return 0


if __name__ == '__main__':
    sys.exit(main())
