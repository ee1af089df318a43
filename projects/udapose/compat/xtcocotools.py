"""MMPose's COCO tools where xtcocotools is missing or does not import.

xtcocotools 1.14.3 has wheels for numpy 1 on Python <= 3.11 only; with numpy 2 they fail to load,
and its source does not build on Python 3.13. MMPose imports ``COCO``, ``COCOeval`` and ``mask``
from it in ten files and works as well with what faster-coco-eval offers (:mod:`.coco_api`).
"""
import contextlib
import io
import sys
from importlib.util import find_spec

from .fixes import is_applied, record
from .ops import MissingDependencyError, import_error, stand_in

REMEDY = '`pip install faster-coco-eval`'


def fix() -> None:
    """Put a stand-in in xtcocotools' place, where it cannot be imported.

    Unlike those for ``mmcv.ops`` and ``mmdet`` it stays, because it does the whole work.

    Raises:
        MissingDependencyError: If faster-coco-eval is missing, too.
    """
    if is_applied('xtcocotools'):
        return
    with contextlib.redirect_stderr(io.StringIO()):  # numpy 2 prints a page about the old wheel
        reasons = [import_error(f'xtcocotools.{name}') for name in ('mask', 'coco', 'cocoeval')]
    reason = next(filter(None, reasons), '')
    if not reason:
        return
    if find_spec('faster_coco_eval') is None:
        raise MissingDependencyError(
            f'MMPose needs xtcocotools, which cannot be imported here ({reason}). Install {REMEDY}'
            ', which udapose lets MMPose use in its place (all Pythons, numpy 1 and 2).')
    from faster_coco_eval.core import mask

    from . import coco_api
    package = stand_in(
        'xtcocotools', mask=mask, coco=stand_in('xtcocotools.coco', COCO=coco_api.COCO),
        cocoeval=stand_in('xtcocotools.cocoeval', COCOeval=coco_api.COCOeval,
                          Params=coco_api.Params))
    for name in [m for m in sys.modules if m.partition('.')[0] == 'xtcocotools']:
        del sys.modules[name]  # what a broken installation left behind
    sys.modules['xtcocotools'] = package
    for child in ('coco', 'cocoeval', 'mask'):
        sys.modules[f'xtcocotools.{child}'] = getattr(package, child)
    record('xtcocotools', f'cannot be imported ({reason})',
           'MMPose uses faster-coco-eval in its place')
