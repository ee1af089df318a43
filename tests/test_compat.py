"""The fixes: imports without compiled operators, checkpoints, package look-up, bf16."""
import importlib
import logging
import pickle
import re
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import AmpOptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import package_utils
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils import tensor_utils

from udapose import compat
from udapose.compat import checkpoints, package_lookup, remedies
from udapose.compat.amp import has_accelerator

without_mmdet = pytest.mark.skipif('mmdet' not in {m.name for m in compat.applied_fixes()},
                                   reason='mmdet is installed')
without_ops = pytest.mark.skipif('mmcv.ops' not in {m.name for m in compat.applied_fixes()},
                                 reason='the full mmcv is installed')
cpu_only = pytest.mark.skipif(has_accelerator(), reason='about machines without a GPU')


@without_mmdet
def test_mmdet_is_absent_again_after_the_import():
    assert find_spec('mmdet') is None
    with pytest.raises(ModuleNotFoundError, match="No module named 'mmdet'"):
        importlib.import_module('mmdet.utils')


@without_ops
def test_mmcv_ops_still_says_that_it_is_not_compiled():
    with pytest.raises(ImportError, match='_ext'):
        importlib.import_module('mmcv.ops')


@without_ops
def test_edpose_head_names_what_to_install():
    with pytest.raises(ImportError, match='EDPoseHead needs mmcv.ops.*compiled operators'):
        MODELS.build(dict(type='EDPoseHead'))


@without_mmdet
def test_rtmo_head_names_what_to_install():
    with pytest.raises(ImportError, match='RTMOHead needs mmdet.*MMDetection'):
        MODELS.build(dict(type='RTMOHead'))


@pytest.mark.parametrize('installed,mmcv,mmdet', [
    ({'mmengine', 'mmcv-lite'}, 'pip uninstall mmcv-lite`, then `mim install mmcv`',
     'mim install mmdet'),
    ({'mmengine', 'mmcv'}, 'operators: `mim install mmcv`', 'mim install mmdet'),
    ({'onedl-mmengine', 'mmcv-lite'}, 'mmcv-lite`, then a wheel .*no-build-isolation onedl-mmcv',
     'pip install onedl-mmdetection'),
    ({'onedl-mmengine', 'onedl-mmcv'}, 'that\\): a wheel .*no-build-isolation onedl-mmcv',
     'pip install onedl-mmdetection')])
def test_remedies_stay_in_the_users_family(monkeypatch, installed, mmcv, mmdet):
    monkeypatch.setattr(remedies, 'is_installed', lambda name: name in installed)
    assert re.search(mmcv, remedies.mmcv_remedy())
    assert re.search(mmdet, remedies.mmdet_remedy())
    if 'onedl-mmengine' in installed:  # mim would bring OpenMMLab's mmengine along
        assert 'mim install' not in remedies.mmcv_remedy() + remedies.mmdet_remedy()


def test_remedies_look_at_what_is_installed():
    assert remedies.is_installed('mmpose') and not remedies.is_installed('no-such-package')


def test_applying_again_changes_nothing():
    before = compat.applied_fixes()
    to_numpy, init = tensor_utils.to_numpy, AmpOptimWrapper.__init__
    assert compat.apply() == before
    assert tensor_utils.to_numpy is to_numpy and AmpOptimWrapper.__init__ is init


FULL_INSTALLATION = """
import sys, types
def module(name, **attributes):
    m = types.ModuleType(name); vars(m).update(attributes); sys.modules[name] = m; return m
import mmcv
class Attention: pass
ops = module('mmcv.ops', MultiScaleDeformableAttention=Attention)
from udapose import compat
from mmpose.models.heads import EDPoseHead, RTMOHead
import mmpose.models.heads.transformer_heads.edpose_head as edpose
names = {m.name for m in compat.applied_fixes()}
assert 'mmcv.ops' not in names, names
assert sys.modules['mmcv.ops'] is ops and edpose.MultiScaleDeformableAttention is Attention
assert not hasattr(EDPoseHead.__init__, '__wrapped__')
# mmdet is installed, but refuses the mmcv that is there:
assert 'mmdet' in names, names
try:
    RTMOHead()
except compat.MissingDependencyError as error:
    assert 'this mmcv is too new' in str(error), error
else:
    raise AssertionError('RTMOHead was built')
from importlib.util import find_spec
assert find_spec('mmdet') is not None and 'mmdet' not in sys.modules
print('all good')
"""


def test_compiled_ops_are_used_and_a_broken_mmdet_is_stood_in_for(tmp_path, run_python):
    (tmp_path / 'mmdet').mkdir()
    (tmp_path / 'mmdet/__init__.py').write_text("assert False, 'this mmcv is too new'")
    done = run_python('-c', FULL_INSTALLATION, path=[tmp_path])
    assert done.stdout.strip().endswith('all good'), done.stderr


def test_missing_mmpose_is_one_clear_error(monkeypatch):
    monkeypatch.setattr('udapose.compat.ops.find_spec',
                        lambda name: None if name == 'mmpose' else object())
    with pytest.raises(compat.MissingDependencyError,
                       match="needs the package 'mmpose'.*tools/install.sh"):
        compat.apply()


class Unforeseen:
    """Something that no list of allowed types foresees."""


@pytest.fixture
def official_mmengine(monkeypatch):
    """MMEngine's load functions as in official 0.10.7: plain ``torch.load``, then fixed."""
    tolerant = checkpoints._TorchWithTolerantLoad(torch)
    monkeypatch.setattr(mmengine_checkpoint, 'torch', tolerant)
    monkeypatch.setattr(
        mmengine_checkpoint, '_safe_torch_load', raising=False, value=lambda f, map_location=None:
        mmengine_checkpoint.torch.load(f, map_location=map_location))
    return tolerant


def save_checkpoint(path, **extra):
    history = HistoryBuffer(np.arange(3.), np.ones(3))
    torch.save(dict(state_dict={'weight': torch.arange(4.)}, optimizer={'lr': 0.1},
                    message_hub={'log_scalars': {'loss': history}, 'runtime_info': {
                        'score': np.float64(3.5), 'count': np.int64(7)}}, **extra), path)


def test_mmengine_reads_its_own_checkpoints_strictly(tmp_path, official_mmengine, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    save_checkpoint(path)
    used = []
    load = torch.load
    monkeypatch.setattr(torch, 'load', lambda *a, **k: (used.append(k), load(*a, **k))[1])
    loaded = mmengine_checkpoint.CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert torch.equal(loaded['state_dict']['weight'], torch.arange(4.))
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 1.0
    assert loaded['message_hub']['runtime_info'] == {'score': 3.5, 'count': 7}
    assert [k['weights_only'] for k in used] == [True]


def test_other_objects_load_with_a_warning_that_names_the_file(
        tmp_path, official_mmengine, monkeypatch):
    path = tmp_path / 'odd.pth'
    save_checkpoint(path, extra=Unforeseen())
    said = []
    monkeypatch.setattr('mmengine.logging.print_log',
                        lambda text, logger=None, level=None: said.append((level, text)))
    loaded = mmengine_checkpoint.CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert isinstance(loaded['extra'], Unforeseen)
    assert [level for level, _ in said if level == logging.WARNING]
    assert any('odd.pth' in text and 'trust' in text for _, text in said)


def test_torch_load_itself_stays_strict(tmp_path, official_mmengine):
    save_checkpoint(tmp_path / 'odd.pth', extra=Unforeseen())
    with pytest.raises(Exception, match='(?i)weights.only'):
        torch.load(tmp_path / 'odd.pth')
    with pytest.raises(Exception, match='(?i)weights.only'):
        official_mmengine.load(tmp_path / 'odd.pth', weights_only=True)


def test_broken_checkpoint_file_still_raises(tmp_path, official_mmengine):
    (tmp_path / 'cut.pth').write_bytes(b'not a checkpoint')
    with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
        mmengine_checkpoint.CheckpointLoader.load_checkpoint(str(tmp_path / 'cut.pth'), 'cpu')


class GetsAttribute:
    """Pickles as a call of getattr on an allowed type that is no HistoryBuffer."""

    def __reduce__(self):
        return getattr, (np.ndarray, 'tofile')


def test_getattr_in_a_checkpoint_is_not_run_by_the_strict_way(tmp_path):
    torch.save({'x': GetsAttribute()}, tmp_path / 'getattr.pth')
    with torch.serialization.safe_globals(checkpoints._mmengine_types()), \
            pytest.raises(pickle.UnpicklingError, match='getattr.* is not allowed'):
        torch.load(tmp_path / 'getattr.pth', weights_only=True)


@pytest.mark.parametrize('package', ['mmpose', 'mmengine', 'mmpretrain'])
def test_package_lookup_finds_the_imported_package(package):
    module = importlib.import_module(package)
    assert package_lookup.is_installed(package)
    assert package_lookup.get_installed_path(package) == module.__path__[0]


def test_package_lookup_of_what_is_not_there():
    assert not package_lookup.is_installed('no_such_package_here')
    with pytest.raises(ImportError, match='no_such_package_here'):
        package_lookup.get_installed_path('no_such_package_here')


def test_package_lookup_takes_over_only_without_pkg_resources(monkeypatch):
    before = package_utils.is_installed
    monkeypatch.setattr(package_lookup, 'find_spec', lambda name: object())
    package_lookup.fix()
    assert package_utils.is_installed is before


def test_package_lookup_replaces_every_imported_name(monkeypatch):
    utils = sys.modules['mmengine.utils']
    for module in (package_utils, utils):  # restored afterwards
        for name in package_lookup.NAMES:
            if name in vars(module):
                monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(package_lookup, 'find_spec', lambda name: None)
    monkeypatch.setattr('inspect.getsource', lambda module: 'import pkg_resources')
    monkeypatch.setattr(package_lookup, 'record', lambda *args: None)
    others = {m: vars(m)['is_installed'] for n, m in list(sys.modules.items())
              if n.startswith('mm') and vars(m).get('is_installed') is utils.is_installed}
    try:
        package_lookup.fix()
        assert package_utils.is_installed is utils.is_installed is package_lookup.is_installed
    finally:
        for module, original in others.items():
            module.is_installed = original


def test_to_numpy_widens_bfloat16_exactly():
    values = torch.tensor([[0.5, -2.0, 3.140625]], dtype=torch.bfloat16)
    array = tensor_utils.to_numpy(values)
    assert array.dtype == np.float32 and array.tolist() == [[0.5, -2.0, 3.140625]]
    (pair,), device = tensor_utils.to_numpy([values, values], unzip=True, return_device=True)
    assert device == torch.device('cpu') and len(pair) == 2 and pair[1].shape == (1, 3)
    assert tensor_utils.to_numpy(torch.arange(2)).dtype == np.int64


def tiny_pose_estimator():
    codec = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(8, 8), sigma=1)
    head = dict(type='HeatmapHead', in_channels=512, out_channels=3, decoder=codec,
                deconv_out_channels=(16, 16, 16), deconv_kernel_sizes=(4, 4, 4),
                loss=dict(type='KeypointMSELoss', use_target_weight=True))
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(dict(
            type='TopdownPoseEstimator', data_preprocessor=dict(type='PoseDataPreprocessor'),
            backbone=dict(type='ResNet', depth=18), head=head))


def tiny_batch():
    from mmengine.structures import InstanceData, PixelData
    samples = []
    for _ in range(2):
        sample = PoseDataSample()
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 3))
        sample.gt_fields = PixelData(heatmaps=torch.rand(3, 8, 8))
        samples.append(sample)
    return dict(inputs=torch.rand(2, 3, 32, 32), data_samples=samples)


@cpu_only
def test_bf16_amp_trains_a_pose_model_on_a_cpu():
    torch.manual_seed(0)
    model, batch = tiny_pose_estimator(), tiny_batch()
    wrapper = AmpOptimWrapper(optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
                              loss_scale='dynamic', clip_grad=dict(max_norm=10.))
    seen = []
    model.head.final_layer.register_forward_hook(lambda m, i, out: seen.append(out.dtype))
    before = model.head.final_layer.weight.detach().clone()
    losses = [model.train_step(batch, wrapper) for _ in range(4)]
    assert set(seen) == {torch.bfloat16}
    assert all(torch.isfinite(torch.as_tensor(log['loss'])) for log in losses)
    assert losses[-1]['loss'] < losses[0]['loss']
    assert np.isfinite(float(losses[0]['acc_pose']))
    assert not torch.equal(before, model.head.final_layer.weight)
    assert model.head.final_layer.weight.dtype == torch.float32
    wrapper.load_state_dict(wrapper.state_dict())


@cpu_only
def test_float16_on_a_cpu_is_refused_with_the_remedy():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    with pytest.raises(ValueError, match="dtype='bfloat16'"):
        AmpOptimWrapper(optimizer=optimizer, dtype='float16')
