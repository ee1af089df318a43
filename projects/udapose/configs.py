"""Where udapose's configs are: `udapose configs`, ``python -m udapose.configs``.

In a checkout (also ``pip install -e .``) that is its ``configs/`` folder; an installed package
brings a copy along.
"""
from __future__ import annotations

import ast
import difflib
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


def find_config(name: str) -> Path:
    """A shipped config by its path below the root, or by its file's name alone.

    Args:
        name (str): With or without ``.py``.

    Raises:
        FileNotFoundError: There is none; the message names similar ones.
    """
    root, wanted = config_root(), name.removesuffix('.py')
    known = [config.removesuffix('.py') for config in list_configs()]
    found = [c for c in known if wanted in (c, c.rpartition('/')[2])]
    if not found:
        close = difflib.get_close_matches(wanted, known + [c.rpartition('/')[2] for c in known])
        raise FileNotFoundError(
            f'there is no config {name}; ' + (f'do you mean {" or ".join(close)}?' if close else
                                              '`udapose configs --list` lists them'))
    return root / f'{found[0]}.py'


def elsewhere(path: str | Path) -> str:
    """Where a config is that was looked for in vain: all pages name them as in a checkout.

    Args:
        path (str | Path): Of a file that does not exist.

    Returns:
        str: What to add to a sentence about ``path``; empty if it is none of ours.
    """
    _, folder, name = f'/{Path(path).as_posix()}'.rpartition('/configs/')
    try:
        found = config_root() / name
        if not folder or not found.is_file():  # a part of `_base_` has no name that is enough
            found = find_config(Path(path).name)
    except FileNotFoundError:
        return ''
    return f" (udapose's own is {found}: write that path)"


def copy_config(name: str, out: str | Path) -> Path:
    """Copy a config so that it works where it lands: the copy names its bases by absolute paths.

    Args:
        name (str): See :func:`find_config`.
        out (str | Path): New file, or an existing folder, which gets a file of the same name.

    Returns:
        Path: The copy.

    Raises:
        FileExistsError: It exists already.
        FileNotFoundError: There is no such config.
    """
    config = find_config(name)
    target = Path(out) / config.name if Path(out).is_dir() else Path(out)
    if target.suffix != '.py':
        raise FileNotFoundError(f'{out} is neither a folder nor a file name with .py')
    if target.exists():
        raise FileExistsError(f'{target} exists already: choose another --out')
    source = config.read_text(encoding='utf-8')
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            bases = ast.literal_eval(node.value)
            paths = [base if '::' in base else str((config.parent / base).resolve())
                     for base in ([bases] if isinstance(bases, str) else bases)]
            text = ''.join(f'    {path!r},\n' for path in paths)
            lines[node.lineno - 1:node.end_lineno] = [f'_base_ = [\n{text}]\n']
            break
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(''.join(lines), encoding='utf-8')
    return target


def main(argv: list[str] | None = None) -> int:
    """The same as ``udapose configs``; returns the exit status."""
    from udapose import cli
    return cli.main(['configs', *(sys.argv[1:] if argv is None else argv)])


if __name__ == '__main__':
    sys.exit(main())
