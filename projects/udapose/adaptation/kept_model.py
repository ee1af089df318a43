"""``model/``: the one of both models that a run keeps."""
from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

from ..deploy.onnx_export import FILES


def keep_model(folder: Path, kept: str) -> None:
    """Copy a model to ``model/``, each file whole or not at all.

    An ONNX file there that was made of another model goes: it would be taken for this one's.

    Args:
        folder (Path): Of the run.
        kept (str): ``'start'`` or ``'adapted'``.
    """
    out = folder / 'model'
    out.mkdir(exist_ok=True)
    if not _same(folder / kept / 'model.pth', out / 'model.pth'):
        left = [name for name in FILES if (out / name).exists()]
        for name in left:
            (out / name).unlink()
        if 'model.onnx' in left:
            print(f'  {out / "model.onnx"} was of another model and is removed (--onnx makes it '
                  'anew)', flush=True)
    for name in ('config.py', 'model.pth'):
        part = out / f'{name}.part'
        shutil.copyfile(folder / kept / name, part)
        part.replace(out / name)


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(one, other, shallow=False)
