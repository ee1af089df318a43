"""Exports of configs and checkpoints of every style; and exports that fail."""
import copy
from pathlib import Path

import mmpose.apis
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import init_model
from mmpose.models import HeatmapHead
from mmpose.registry import DATASETS, MODELS, TRANSFORMS
from runs import PEOPLE, ROOT, tiny_config

from udapose import export as export_module
from udapose.engine import ExportTeacherHook
from udapose.export import export, inlined_metainfo, plain_config
from udapose.export_config import dataset_meta
from udapose.models.backbones import AttentionViT
from udapose.models.data_preprocessors import MultiBranchDataPreprocessor

VIT = 'mean_teacher/mean-teacher_synth-people_vit-tiny_64x64.py'


@pytest.fixture
def cfg(tiny_people, tmp_path):
    return tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, tmp_path)


def weights(cfg):
    model = MODELS.build(cfg.model)
    for name in ('student', 'teacher'):
        for parameter in getattr(model, name).parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


class MyPreprocessor(MultiBranchDataPreprocessor):
    """A user's."""


class MyHead(HeatmapHead):
    """A user's, with the same weights."""


class DoublingHead(HeatmapHead):
    """Predicts otherwise than its parent, though its weights fit."""

    def forward(self, feats):
        return 2 * super().forward(feats)


# ------------------------------------------------------------------------------ config styles
@pytest.mark.parametrize('imports,expected', [
    ('udapose', None), ('os.path', ['os.path']), (['udapose', 'os.path'], ['os.path']),
    (('udapose',), None)])
def test_custom_imports_may_be_a_string(cfg, imports, expected):
    cfg.custom_imports = dict(imports=imports, allow_failed_imports=False)
    plain = plain_config(cfg)
    assert (plain.custom_imports.imports if expected else plain.get('custom_imports')) == expected


def test_a_path_in_the_config(cfg, tmp_path):
    """It was written as PosixPath(...), which no config file can be."""
    dataset = cfg.test_dataloader.dataset
    dataset.data_root, expected = Path(dataset.data_root), str(Path(dataset.data_root))
    assert plain_config(cfg).test_dataloader.dataset.data_root == expected
    export(cfg, weights(cfg).state_dict(), tmp_path / 'out')
    assert Config.fromfile(tmp_path / 'out/config.py').test_dataloader.dataset.data_root == expected


LAZY = '''
from mmengine.config import read_base
from mmpose.codecs import MSRAHeatmap
from mmpose.datasets.datasets import CocoDataset
from mmpose.datasets.transforms import GetBBoxCenterScale, PackPoseInputs, TopdownAffine
from mmpose.models import HeatmapHead, KeypointMSELoss, PoseDataPreprocessor, TopdownPoseEstimator
from udapose.datasets.transforms import LoadPoseImage, WholeImageBBox
from udapose.models.backbones import AttentionViT
from udapose.models.data_preprocessors import MultiBranchDataPreprocessor
from udapose.models.pose_estimators import MeanTeacherPoseEstimator

codec = dict(type=MSRAHeatmap, input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5)
model = dict(
    type=MeanTeacherPoseEstimator,
    data_preprocessor=dict(type=MultiBranchDataPreprocessor, data_preprocessor=dict(
        type=PoseDataPreprocessor, mean=[9., 9., 9.], std=[2., 2., 2.])),
    pose_estimator=dict(
        type=TopdownPoseEstimator,
        backbone=dict(type=AttentionViT, img_size=32, patch_size=8, with_cls_token=False, arch=dict(
            embed_dims=16, num_layers=1, num_heads=1, feedforward_channels=16)),
        head=dict(type=HeatmapHead, in_channels=16, out_channels=17, deconv_out_channels=(8, 8),
                  deconv_kernel_sizes=(4, 4), loss=dict(type=KeypointMSELoss), decoder=codec)))
test_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(
    type=CocoDataset, data_root='x/', ann_file='y.json', pipeline=[
        dict(type=LoadPoseImage), dict(type=WholeImageBBox), dict(type=GetBBoxCenterScale),
        dict(type=TopdownAffine, input_size=(32, 32)), dict(type=PackPoseInputs)]))
'''


def test_a_pure_python_config_becomes_plain_text(tmp_path):
    (tmp_path / 'lazy.py').write_text(LAZY.replace('from mmengine.config import read_base\n', ''))
    cfg = Config.fromfile(tmp_path / 'lazy.py')
    out = export(cfg, weights(cfg).state_dict(), tmp_path / 'out')
    text = (out / 'config.py').read_text()
    assert 'udapose' not in text and 'AttentionViT' not in text and 'LoadPoseImage' not in text
    plain = Config.fromfile(out / 'config.py')
    assert plain.model.backbone.type == 'mmpretrain.VisionTransformer'
    assert plain.model.backbone.out_type == 'featmap'
    assert plain.model.head.type == 'HeatmapHead' and plain.codec.type == 'MSRAHeatmap'
    assert plain.model.data_preprocessor.mean == [9.] * 3
    dataset = plain.test_dataloader.dataset
    assert dataset.type == 'CocoDataset' and len(dataset.metainfo.keypoint_info) == 17
    assert [s.type for s in dataset.pipeline] == [
        'LoadImage', 'GetBBoxCenterScale', 'TopdownAffine', 'PackPoseInputs']


def test_classes_and_dotted_paths_as_types(cfg, tmp_path):
    inner = cfg.model.pose_estimator
    inner.head.type = HeatmapHead
    inner.backbone.type = 'mmpose.models.backbones.ResNet'
    inner.head.decoder.type = 'mmpose.codecs.MSRAHeatmap'
    for step in cfg.test_dataloader.dataset.pipeline:
        step.type = TRANSFORMS.get(step.type)
    cfg.test_dataloader.dataset.type = DATASETS.get(cfg.test_dataloader.dataset.type)
    plain = Config.fromfile(export(cfg, weights(cfg).state_dict(), tmp_path / 'x') / 'config.py')
    assert (plain.model.head.type, plain.model.backbone.type, plain.codec.type) == (
        'HeatmapHead', 'ResNet', 'MSRAHeatmap')
    assert plain.test_dataloader.dataset.type == 'CocoDataset'
    assert plain.test_dataloader.dataset.pipeline[0].type == 'LoadImage'
    assert 'custom_imports' not in plain


def test_a_subclass_of_our_preprocessor_is_unwrapped(cfg):
    cfg.model.data_preprocessor = dict(
        type=MyPreprocessor, data_preprocessor=dict(type='PoseDataPreprocessor', mean=[1.] * 3,
                                                    std=[2.] * 3))
    assert plain_config(cfg).model.data_preprocessor.mean == [1.] * 3


def test_a_users_subclass_stays_what_it_is(cfg, tmp_path):
    """It may compute something else than its parent."""
    cfg.model.pose_estimator.head.type = MyHead
    out = export(cfg, weights(cfg).state_dict(), tmp_path / 'x')
    assert Config.fromfile(out / 'config.py').model.head.type == f'{__name__}.MyHead'


# ------------------------------------------------------------------------------ test sets
def part(cfg, **kwargs):
    return dict(cfg.test_dataloader.dataset.to_dict(), **kwargs)


def test_a_combined_test_set_can_be_built_again(cfg, tmp_path, tiny_people):
    """As docs/evaluation.md recommends for two domains."""
    pipeline = cfg.test_dataloader.dataset.pipeline
    metainfo = cfg.test_dataloader.dataset.metainfo
    cfg.test_dataloader.dataset = dict(
        type='CombinedDataset', metainfo=metainfo, pipeline=pipeline,
        datasets=[part(cfg, pipeline=[]), part(cfg, pipeline=[])])
    out = export(cfg, weights(cfg).state_dict(), tmp_path / 'x')
    loader = Config.fromfile(out / 'config.py').test_dataloader
    assert [p.type for p in loader.dataset.datasets] == ['CocoDataset'] * 2
    assert 'from_file' not in str(loader)
    data = Runner.build_dataloader(loader)
    assert len(data.dataset) == 8 and next(iter(data))['inputs'][0].shape == (3, 64, 64)


@pytest.mark.parametrize('subset,joints', [('full', 8), ('upper', 6), ('lower', 4)])
def test_a_data_set_whose_joints_depend_on_its_subset(subset, joints):
    """MMPose's DeepFashion sets its class's metainfo when one is built: that of the last one."""
    for other in ('lower', subset, 'upper'):
        meta = dataset_meta(Config(dict(test_dataloader=dict(dataset=dict(
            metainfo=inlined_metainfo(dict(type='DeepFashionDataset', subset=other)))))))
        assert other != subset or meta['num_keypoints'] == joints


def test_a_data_set_without_joints_is_named():
    with pytest.raises(ValueError, match='joints of the data set CombinedDataset are not known'):
        inlined_metainfo(dict(type='CombinedDataset', datasets=[]))


@pytest.mark.parametrize('wrapper', [
    lambda p: dict(type='ConcatDataset', datasets=[p, p]),
    lambda p: dict(type='RepeatDataset', dataset=p, times=2),
    lambda p: dict(type='CombinedDataset', metainfo=p['metainfo'], datasets=[p, p])])
def test_a_wrapper_without_pipeline_gives_its_first_part(cfg, tmp_path, wrapper):
    cfg.test_dataloader.dataset = wrapper(part(cfg))
    out = export(cfg, weights(cfg).state_dict(), tmp_path / 'x')
    loader = Config.fromfile(out / 'config.py').test_dataloader
    assert loader.dataset.type == 'CocoDataset'
    assert len(Runner.build_dataloader(loader).dataset) == 4


# ------------------------------------------------------------------------------ checkpoints
def test_the_tool_takes_ddps_prefix_and_old_names(cfg, tmp_path):
    state = weights(cfg).state_dict()
    teacher = {k.removeprefix('teacher.'): v for k, v in state.items() if k.startswith('teacher.')}
    old = {k.replace('head.', 'keypoint_head.', 1) if k.startswith('head.') else k: v
           for k, v in teacher.items()}
    for given in ({f'module.{k}': v for k, v in state.items()}, old,
                  {f'module.{k}': v for k, v in old.items()}):
        out = export(cfg, dict(state_dict=given), tmp_path / 'x')
        saved = torch.load(out / 'model.pth', weights_only=False)['state_dict']
        assert saved.keys() == teacher.keys()
        assert all(torch.equal(saved[k], v) for k, v in teacher.items())


# ------------------------------------------------------------------------------ it is checked
def leftovers(folder):
    return [p.name for p in Path(folder).rglob('*') if p.name.startswith('.') or 'model' in p.name]


def test_an_export_that_predicts_otherwise_is_refused(cfg, tmp_path, monkeypatch):
    cfg.model.pose_estimator.head.type = DoublingHead
    original = export_module.plain_config

    def stock(cfg):
        plain = original(cfg)
        plain.model.head.type = 'HeatmapHead'
        return plain
    monkeypatch.setattr(export_module, 'plain_config', stock)
    with pytest.raises(RuntimeError, match='predicts otherwise than the trained one.*differ by'):
        export(cfg, weights(cfg).state_dict(), tmp_path / 'x')
    assert not leftovers(tmp_path)


@pytest.mark.parametrize('change,message', [
    (lambda p: p.model.backbone.update(type='NoSuchBackbone'), 'cannot be read again.*NoSuchBack'),
    (lambda p: p.model.backbone.update(depth=50), 'not in the checkpoint'),
    (lambda p: p.test_dataloader.dataset.pipeline.pop(2), 'names no input_size|pipeline does not'),
    (lambda p: p.test_dataloader.dataset.pipeline.insert(1, dict(type='NoSuchStep')),
     'pipeline does not run on a photograph.*NoSuchStep')])
def test_what_was_written_is_what_is_checked(cfg, tmp_path, monkeypatch, change, message):
    original = export_module.plain_config

    def broken(cfg):
        plain = original(cfg)
        change(plain)
        return plain
    monkeypatch.setattr(export_module, 'plain_config', broken)
    with pytest.raises(RuntimeError, match=message):
        export(cfg, weights(cfg).state_dict(), tmp_path / 'x')
    assert not leftovers(tmp_path)


def test_a_diverged_model_is_named(cfg, tmp_path):
    state = weights(cfg).state_dict()
    state['teacher.head.final_layer.bias'].fill_(float('nan'))
    with pytest.raises(RuntimeError, match='not finite.*diverged'):
        export(cfg, state, tmp_path / 'x')


def test_an_export_changes_no_random_numbers(cfg, tmp_path):
    state = weights(cfg).state_dict()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    export(cfg, state, tmp_path / 'x')
    assert torch.equal(torch.rand(2), expected)


def test_a_model_without_head_is_named(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/masked_reconstruction/mae_synth-people_vit-tiny_64x64.py')
    cfg.test_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=[]))
    with pytest.raises(ValueError, match='WeightedMAE has no head.*nothing to export'):
        plain_config(cfg)


# ------------------------------------------------------------------------------ in a training
def hooked(cfg):
    """A runner-like object around a model."""
    class Runner:
        model = weights(cfg)
        work_dir = cfg.work_dir
        hooks = ()
    Runner.cfg = cfg
    return Runner()


def test_the_hook_rehearses_and_leaves_nothing(cfg, tmp_path, monkeypatch):
    runner = hooked(cfg)
    ExportTeacherHook().before_train(runner)
    assert not leftovers(tmp_path)
    monkeypatch.setattr(mmpose.apis, 'inference_topdown', lambda *args: 1 / 0)
    with pytest.raises(RuntimeError, match='pipeline does not run on a photograph: ZeroDivision'):
        ExportTeacherHook().before_train(runner)
    assert not leftovers(tmp_path)


def test_a_runner_without_a_config_is_named(cfg):
    runner = hooked(cfg)
    type(runner).cfg = Config({})
    with pytest.raises(ValueError, match=r'reads the config of the run.*Runner\.from_cfg'):
        ExportTeacherHook().before_train(runner)


def test_a_failure_at_the_end_keeps_the_weights(cfg, tmp_path, monkeypatch):
    runner, hook = hooked(cfg), ExportTeacherHook()
    with monkeypatch.context() as patch:
        patch.setattr(mmpose.apis, 'inference_topdown', lambda *args: 1 / 0)
        with pytest.raises(RuntimeError, match='training is complete, but its export failed.*'
                                               'not_exported.pth.*udapose export'):
            hook.after_train(runner)
    assert not (tmp_path / 'exported').exists()
    kept = torch.load(tmp_path / 'not_exported.pth')  # following the advice helps
    out = export(cfg, kept, tmp_path / 'again')
    plain = init_model(str(out / 'config.py'), str(out / 'model.pth'), device='cpu')
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(plain(images, None), runner.model.teacher.eval()(images, None))


def test_attention_vit_subclasses_and_the_original(tiny_people, tmp_path):
    cfg = tiny_config(VIT, tiny_people, tmp_path)
    assert plain_config(cfg).model.backbone.type == 'mmpretrain.VisionTransformer'
    changed = copy.deepcopy(cfg)
    changed.model.pose_estimator.backbone.type = MyViT
    plain = plain_config(changed)
    assert plain.model.backbone.type == f'{__name__}.MyViT'


class MyViT(AttentionViT):
    """A user's."""
