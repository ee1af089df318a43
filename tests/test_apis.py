"""`udapose.apis` as the first import of a process, and what importing udapose leaves alone."""

FIRST = """
import sys
assert 'udapose' not in sys.modules and 'mmpose' not in sys.modules
from udapose.apis import MMPoseInferencer, inference_bottomup, inference_topdown, init_model
import mmpose.apis
assert init_model is mmpose.apis.init_model and inference_topdown.__module__.startswith('mmpose.')
"""

UNTOUCHED = """
import sys
from importlib.util import find_spec

import mmengine.runner.checkpoint
import torch

def tools():
    return [sys.modules[f'xtcocotools.{name}'] for name in ('coco', 'cocoeval', 'mask')]

try:
    import mmpose.datasets, mmpose.evaluation
    works = tools()
except Exception:  # missing or broken: stood in for, and nothing that worked can be changed
    works = None
before = find_spec('mmdet'), torch.load, find_spec('mmcv.ops').origin
import udapose
assert (find_spec('mmdet'), torch.load, find_spec('mmcv.ops').origin) == before
assert works is None or tools() == works
assert ('xtcocotools' in {m.name for m in udapose.compat.applied_mends()}) == (works is None)
"""


def test_apis_can_be_the_first_import(run_python):
    done = run_python('-c', FIRST)
    assert done.returncode == 0, done.stderr


def test_importing_udapose_changes_nothing_that_works(run_python):
    done = run_python('-c', UNTOUCHED)
    assert done.returncode == 0, done.stderr
