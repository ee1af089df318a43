"""Find and run a script of the installed MMPose, with udapose's components registered."""
from __future__ import annotations

import re
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from ._config_text import format_once


def find_mmpose_tool(name: str) -> Path:
    """The path of MMPose's ``tools/<name>``.

    A wheel carries its tools in ``mmpose/.mim/tools``; an editable checkout has them in ``tools``
    beside the package (and a link in ``.mim``, where its installation made one).

    Raises:
        FileNotFoundError: If MMPose is missing or was installed without its tools.
    """
    spec = find_spec('mmpose')
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f'MMPose is not installed for {sys.executable}: `udapose doctor` says what installs '
            'it.')
    package = Path(spec.origin).parent
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f'The MMPose in {package} has no tools/{name} (neither in its .mim folder nor beside '
        'the package). Reinstall it: `pip install --no-deps --force-reinstall mmpose==1.3.2`.')


def run_mmpose_tool(name: str, arguments: list[str]) -> int:
    """Run MMPose's script in this process, as if it had been called with these arguments.

    Returns:
        int: 0; errors and the script's own exits raise.
    """
    try:
        script = find_mmpose_tool(name)
    except FileNotFoundError as error:
        sys.exit(f'error: {error}')
    format_once()
    sys.argv[:] = [str(script), *arguments]
    try:
        runpy.run_path(str(script), run_name='__main__')
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        fault = missing_annotations(str(error)) or config_fault(arguments)
        if fault:  # MMPose's data sets and MMEngine's registries fail far from the cause
            raise SystemExit(f'error: {fault}') from error
        raise
    return 0


def missing_annotations(error: str) -> str:
    """What to do where MMPose's data sets say that there is no annotation file.

    Args:
        error (str): MMPose's words.

    Returns:
        str: A sentence with the remedy; empty if the error is another one.
    """
    found = re.search(r'Annotation file `(.+)` ?does not exist', error)
    if not found:
        return ''
    embedded = re.search(r'(.*synthpose/(people|hands))/', found[1])
    remedy = (f'make the embedded data with `udapose synth --kind {embedded[2]} --out '
              f'{embedded[1]}`' if embedded else "correct its data set's data_root and ann_file")
    return f'the annotation file {found[1]} does not exist, seen from {Path.cwd()}: {remedy}'


def config_fault(arguments: list[str]) -> str:
    """What keeps MMPose from building a config's data sets or model, as far as it is known.

    Args:
        arguments (list[str]): Of MMPose's script: the config first, ``--cfg-options`` heeded.

    Returns:
        str: A sentence with the remedy; empty if nothing is known to.
    """
    import argparse

    from mmengine.config import Config, DictAction

    from udapose.datasets.two_domain import annotation_fault
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('config')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    try:
        args, _ = parser.parse_known_args(arguments)
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options or {})
    except (Exception, SystemExit):  # the script has said what is wrong with them
        return ''
    if fault := merged_model(cfg.get('model') or {}):
        return fault
    # TwoDomainDataset names the faults of its own parts
    found = (annotation_fault((cfg.get(f'{part}_dataloader') or {}).get('dataset') or {})
             for part in ('train', 'val', 'test'))
    return next(filter(None, found), '')


def merged_model(model: dict) -> str:
    """Whether a wrapper has got the keys of its base's plain model: ``_delete_`` was forgotten.

    Args:
        model (dict): Of a config.

    Returns:
        str: A sentence with the remedy; empty if all keys are the wrapper's.
    """
    import inspect

    from mmpose.registry import MODELS

    from udapose.config_types import resolve
    kind = resolve(model.get('type'), MODELS)
    if not hasattr(kind, 'plain_names'):
        return ''
    known = [*inspect.signature(kind).parameters]
    unknown = sorted({*model} - {*known, 'type', '_scope_'})
    if not unknown:
        return ''
    return (f'model.type={kind.__name__} takes no {", ".join(unknown)}. If these are keys of the '
            "plain model in the config's base, write model=dict(_delete_=True, "
            f"type='{kind.__name__}', {known[0]}=_base_.model, ...)")
