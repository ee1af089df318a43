"""Exported models are plain MMPose models that predict what the teacher predicts."""
import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.apis import MMPoseInferencer, inference_topdown, init_model
from mmpose.registry import DATASETS, KEYPOINT_CODECS, METRICS, MODELS, TRANSFORMS
from runs import PEOPLE, ROOT, tiny_config

from udapose import cli
from udapose.engine import ExportTeacherHook
from udapose.export import export, plain_config, plain_model_config, plain_state_dict


@pytest.fixture(scope='module')
def trained(tiny_people, tmp_path_factory):
    """A short real run with pictures and export; student and teacher differ."""
    work = tmp_path_factory.mktemp('run')
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', tiny_people, work, iters=3)
    cfg.experiment_name = 'export'
    next(h for h in cfg.custom_hooks if h.type == 'PseudoLabelVisualizationHook').interval = 2
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture
def image(tiny_people):
    return next((tiny_people / 'target/images/test').glob('*.jpg'))


def test_the_export_loads_strictly_and_predicts_like_the_teacher(trained, image):
    folder = f'{trained.work_dir}/exported'
    saved = torch.load(f'{folder}/model.pth', weights_only=False)
    assert not any(k.startswith(('student.', 'teacher.')) for k in saved['state_dict'])
    plain = init_model(f'{folder}/config.py', None, device='cpu')
    plain.load_state_dict(saved['state_dict'], strict=True)

    plain = init_model(f'{folder}/config.py', f'{folder}/model.pth', device='cpu')
    adapted = trained.model.eval()
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(plain(x, None, mode='tensor'),
                               adapted.teacher(x, None, mode='tensor'))
    assert not torch.allclose(adapted.student(x, None, mode='tensor'),
                              adapted.teacher(x, None, mode='tensor'))


def test_the_file_to_keypoints_path_is_the_one_of_our_own_evaluation(trained):
    """inference_topdown on the export, against the adaptation's own test loader and teacher."""
    folder = f'{trained.work_dir}/exported'
    plain = init_model(f'{folder}/config.py', f'{folder}/model.pth', device='cpu')
    adapted, seen = trained.model.eval(), 0
    for batch in trained.build_dataloader(trained.cfg.test_dataloader):
        with torch.no_grad():
            own = adapted.test_step(batch)
        for sample in own:
            got = inference_topdown(plain, sample.img_path)[0].pred_instances.keypoints
            np.testing.assert_allclose(got, sample.pred_instances.keypoints, atol=1e-3)
            seen += 1
    assert seen == 4 and got.shape == (1, 22, 2)


def test_the_exported_config_needs_nothing_of_this_machine_or_package(trained):
    text = open(f'{trained.work_dir}/exported/config.py').read()
    for word in ('custom_imports', 'MeanTeacher', 'from_file', 'WholeImageBBox',
                 'LoadPoseImage', str(ROOT), str(trained.work_dir), 'init_cfg'):
        assert word not in text, word
    cfg = Config.fromfile(f'{trained.work_dir}/exported/config.py')
    assert cfg.test_dataloader.dataset.metainfo.dataset_name == 'synth_people_target'
    plain = init_model(cfg, f'{trained.work_dir}/exported/model.pth', device='cpu')
    assert plain.dataset_meta['dataset_name'] == 'synth_people_target'
    assert plain.dataset_meta['keypoint_id2name'][18] == 'head_top'
    found = set()
    for node in nodes(cfg.to_dict()):
        for registry in (MODELS, TRANSFORMS, DATASETS, METRICS, KEYPOINT_CODECS):
            kind = registry.get(node['type'])
            if kind is not None:
                found.add(node['type'])
                assert not kind.__module__.startswith('udapose'), node['type']
    assert {'TopdownPoseEstimator', 'LoadImage', 'TopdownAffine', 'CocoDataset', 'MSRAHeatmap',
            'PCKAccuracy'} <= found


def nodes(tree):
    """All dicts with a ``type`` in nested dicts and lists."""
    if isinstance(tree, dict):
        if isinstance(tree.get('type'), str):
            yield tree
        tree = tree.values()
    for child in tree if not isinstance(tree, (str, int, float, type(None))) else ():
        yield from nodes(child)


def test_the_inferencer_runs_it(trained, image):
    folder = f'{trained.work_dir}/exported'
    inferencer = MMPoseInferencer(
        pose2d=f'{folder}/config.py', pose2d_weights=f'{folder}/model.pth',
        det_model='whole_image', device='cpu')
    result = next(inferencer(str(image)))['predictions'][0][0]
    direct = inference_topdown(init_model(f'{folder}/config.py', f'{folder}/model.pth', 'cpu'),
                               str(image))[0].pred_instances.keypoints[0]
    np.testing.assert_allclose(result['keypoints'], direct, atol=1e-3)


def test_the_command_line_exports_the_other_branch(trained, tmp_path, run_python):
    config = next(Path(trained.work_dir).glob('*.py'))
    done = run_python('tools/export_checkpoint.py', config, f'{trained.work_dir}/iter_3.pth',
                      '--out', tmp_path, '--branch', 'student', cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(tmp_path / 'model.pth', weights_only=False)['state_dict']
    expected = trained.model.student.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[k], expected[k]) for k in expected)


def test_mmposes_test_script_runs_the_export(trained, tmp_path, run_python):
    """The data set is found where the adaptation's config has it."""
    folder = f'{trained.work_dir}/exported'
    done = run_python('tools/test.py', f'{folder}/config.py', f'{folder}/model.pth', '--work-dir',
                      tmp_path, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'PCK: ' in done.stdout


def test_a_plain_checkpoint_exports_as_it_is(tiny_people, tmp_path):
    cfg = tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path)
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    out = export(cfg, dict(state_dict=model.state_dict()), tmp_path / 'out')
    plain = init_model(str(out / 'config.py'), str(out / 'model.pth'), device='cpu')
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(plain(x, None), model.eval()(x, None))


def test_without_test_data_the_validation_set_describes_the_input(trained):
    cfg = copy.deepcopy(trained.cfg)
    cfg.test_dataloader = None
    dataset = plain_config(cfg).test_dataloader.dataset
    assert dataset.ann_file == 'annotations/val.json'
    cfg.val_dataloader = None
    hook = ExportTeacherHook()
    with pytest.raises(ValueError, match='test_dataloader or val_dataloader.*has neither'):
        hook.before_train(type('Runner', (), dict(cfg=cfg)))  # before anything is trained


def test_the_preprocessor_is_the_one_that_was_trained_with():
    inner, outer = (dict(type='PoseDataPreprocessor', mean=[m] * 3, std=[1.] * 3) for m in (1., 2.))
    plain = dict(type='TopdownPoseEstimator', head=dict(type='HeatmapHead'))

    def result(pose_estimator, **model):
        return plain_model_config(Config(dict(model=dict(
            type='MeanTeacherPoseEstimator', pose_estimator=pose_estimator, **model))))

    shell = dict(type='MultiBranchDataPreprocessor', data_preprocessor=outer)
    assert result(dict(plain, data_preprocessor=inner))['data_preprocessor'] == inner
    assert result(plain, data_preprocessor=shell)['data_preprocessor'] == outer
    both = dict(pose_estimator=dict(plain, data_preprocessor=inner), data_preprocessor=shell)
    assert result(**both)['data_preprocessor'] == outer
    assert result(plain)['data_preprocessor'] == dict(type='PoseDataPreprocessor')
    # of a wrapper that takes plain batches, and in MMEngine's other place
    assert result(plain, data_preprocessor=outer)['data_preprocessor'] == outer
    elsewhere = plain_model_config(Config(dict(
        model=dict(type='MeanTeacherPoseEstimator', pose_estimator=plain),
        data_preprocessor=shell)))
    assert elsewhere['data_preprocessor'] == outer


def test_nested_pretrained_weights_alignments_and_imports(trained):
    cfg = copy.deepcopy(trained.cfg)
    cfg.model.alignments = dict(a=dict(type='Anything'))
    pretrained = dict(type='Pretrained', checkpoint='https://nowhere/x.pth')
    cfg.model.pose_estimator.neck = [dict(type='X', part=dict(init_cfg=pretrained))]
    cfg.custom_imports = dict(imports=['udapose', 'my_backbones'])
    plain = plain_config(cfg)
    assert plain.custom_imports.imports == ['my_backbones']
    assert 'nowhere' not in str(plain.to_dict()) and 'Anything' not in str(plain.to_dict())


def test_metainfo_of_the_data_sets_class(trained):
    """A stock config may name none, as CocoDataset has COCO's joints by itself."""
    cfg = copy.deepcopy(trained.cfg)
    del cfg.test_dataloader.dataset.metainfo
    metainfo = plain_config(cfg).test_dataloader.dataset.metainfo
    assert metainfo.dataset_name == 'coco' and len(metainfo.keypoint_info) == 17


def test_only_inference_transforms(trained):
    cfg = copy.deepcopy(trained.cfg)
    pipeline = cfg.test_dataloader.dataset.pipeline
    next(s for s in pipeline if s.type == 'TopdownAffine').update(
        type='RecordedTopdownAffine', border='constant', shear=0.)
    crop = plain_config(cfg).test_dataloader.dataset.pipeline[2]
    assert crop == dict(type='TopdownAffine', input_size=(64, 64))
    crop = next(s for s in pipeline if s.type == 'RecordedTopdownAffine')
    crop.border = 'replicate'
    with pytest.raises(ValueError, match="use border='constant'"):
        plain_config(cfg)
    crop.border = 'constant'
    pipeline.insert(1, dict(type='ColorJitter', brightness=1.))
    with pytest.raises(ValueError, match='holds ColorJitter.*remove it'):
        plain_config(cfg)


@pytest.mark.parametrize('change,message', [
    (lambda s: {'student.' + k: v for k, v in s.items()}, r"no branch 'teacher', only \['stu"),
    (lambda s: {'a.b': torch.zeros(1)}, 'neither a student-teacher nor a plain.*model, e.g. a.b'),
    (lambda s: {f'teacher.{k}': v for k, v in list(s.items())[1:]},
     'do not fit the plain model: 1 not in the checkpoint, e.g. backbone'),
    (lambda s: {k: v[:1] if v.dim() else v for k, v in s.items()}, r'of another shape, e.g. .*\(1')
])
def test_wrong_checkpoints(trained, tmp_path, change, message):
    state = trained.model.teacher.state_dict()
    assert plain_state_dict(state).keys() == state.keys()
    with pytest.raises((KeyError, RuntimeError), match=message):
        export(trained.cfg, dict(state_dict=change(state)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_pictures_of_pseudo_labels_are_written(trained):
    path = f'{trained.work_dir}/vis_data/pseudo_labels/iter_000002.png'
    sheet = cv2.imread(path)
    assert sheet.shape == (3 * 64 * 3, 2 * 64 * 3, 3)  # three rows of two samples, enlarged by 3
    saturated = (sheet.max(-1).astype(int) - sheet.min(-1)) > 150
    assert saturated.any()  # joints were drawn
    model = trained.model
    assert model.run_state.last_batch is None and not model.run_state.batch_wanted


def test_a_3d_model_exports_with_udapose(tiny_people, tmp_path, image, capsys):
    """Its head is udapose's, so the config imports it; a photograph needs no camera."""
    cfg = tiny_config('masked_reconstruction/scratch_synth-people_vit-tiny_64x64.py', tiny_people,
                      tmp_path)
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    folder = export(cfg, model.state_dict(), tmp_path / 'out')
    text = Config.fromfile(folder / 'config.py')
    assert text.custom_imports.imports == ['udapose']
    assert [s['type'] for s in text.test_dataloader.dataset.pipeline][-1] == 'PackPoseInputs'
    plain = init_model(str(folder / 'config.py'), str(folder / 'model.pth'), device='cpu')
    found = inference_topdown(plain, str(image))[0].pred_instances
    assert found.keypoints.shape == (1, 22, 2) and found.keypoint_depths.shape == (1, 22)
    assert np.isfinite(found.keypoint_depths).all()
    assert cli.main(['predict', str(folder), '--data', str(image), '--out', str(tmp_path / 'p')]) \
        == 0
    assert 'CSV and JSON have the depths of the joints' in capsys.readouterr().out
