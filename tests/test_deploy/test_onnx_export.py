"""ONNX files predict what PyTorch predicts, or are not written."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from small_models import NAMES, plain_folder, training_config, weights

from udapose import cli
from udapose.apis import inference_topdown, init_model
from udapose.deploy import OnnxPose, export_onnx, network, onnx_export
from udapose.deploy.pose_onnx import decode, region, to_image

BOXES = np.array([[10, 5, 90, 110], [-8, 60, 70, 100]], np.float32)


@pytest.fixture(scope='module')
def image():
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (12, 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)


def with_onnx():
    for name in network.PACKAGES:
        pytest.importorskip(name)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Makes exports, each once."""
    with_onnx()
    made = {}

    def make(family):
        if family not in made:
            made[family] = plain_folder(family, tmp_path_factory.mktemp('models') / family)
            export_onnx(made[family])
        return made[family]
    return make


FAMILIES = dict(heatmap='quarter', hrnet='dark', vit='dark_udp', mspn='megvii', rtmpose='simcc',
                rle='points', integral='points')


@pytest.mark.parametrize('family', FAMILIES)
def test_the_reader_predicts_on_a_photograph_what_mmpose_predicts(family, folders, image):
    folder = folders(family)
    pose = OnnxPose(folder, batch_size=1)
    description = json.loads((folder / 'deploy.json').read_text())
    assert description['decoder']['kind'] == FAMILIES[family]
    assert description['parity']['frames'] == 50
    assert description['parity']['undetermined'] < 25 and description['parity']['largest_px'] < 0.1
    assert description['joints'] == list(NAMES) and description['flip_indices'] == [0, 2, 1]
    assert description['skeleton'] == [[0, 1], [0, 2]]
    spec = description['input']
    assert (spec['channel_order'], spec['mean'], spec['width']) == ('rgb', [
        123.675, 116.28, 103.53], 64)

    model = init_model(str(folder / 'config.py'), str(folder / 'model.pth'), device='cpu')
    found = [s.pred_instances for s in inference_topdown(model, image, BOXES)]
    points, scores = pose(image, BOXES)
    assert points.shape == (2, 3, 2) and points.dtype == np.float32
    np.testing.assert_allclose(points, [i.keypoints[0] for i in found], atol=0.1)
    np.testing.assert_allclose(scores, [i.keypoint_scores[0] for i in found], rtol=0.02, atol=1e-3)
    together, _ = OnnxPose(folder)(image, BOXES)  # any batch
    np.testing.assert_allclose(together, points, atol=0.01)
    assert pose(image, np.zeros((0, 4)))[0].shape == (0, 3, 2)


def test_the_file_is_plain_and_says_nothing_about_this_machine(folders):
    import onnx
    folder = folders('rtmpose')
    content = onnx.load(folder / 'model.onnx')
    assert [i.name for i in content.graph.input] == ['input']
    assert [o.name for o in content.graph.output] == ['simcc_x', 'simcc_y']
    assert content.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert {o.domain for o in content.opset_import} == {''}
    assert content.opset_import[0].version == network.OPSET
    raw = (folder / 'model.onnx').read_bytes()
    for trace in ('site-packages', '.py', str(Path.home()), str(folder.parent)):
        assert trace.encode() not in raw, trace
    assert sorted(p.name for p in folder.iterdir()) == [
        'config.py', 'deploy.json', 'model.onnx', 'model.pth', 'pose_onnx.py']


def test_the_copy_of_the_reader_runs_without_torch(folders, image, run_python, tmp_path):
    folder = folders('rtmpose')
    np.save(tmp_path / 'image.npy', image)
    code = (f'import sys; sys.path.insert(0, {str(folder)!r}); import numpy as np; '
            f'from pose_onnx import OnnxPose; image = np.load("image.npy"); '
            f'print(OnnxPose({str(folder)!r})(image)[0].shape); '
            'assert not {"torch", "mmpose", "udapose"} & set(sys.modules)')
    done = run_python('-c', code, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == '(1, 3, 2)\n', done.stderr


def test_rtmlib_loads_the_file(folders, image):
    """Its crop is MMPose's; it is given RGB, since it does not exchange channels itself.

    0.1 pixel: only rounding differs (it normalises in float64).
    """
    rtmlib = pytest.importorskip('rtmlib')
    folder = folders('rtmpose')
    description = json.loads((folder / 'deploy.json').read_text())
    spec = description['input']
    assert description['rtmlib'] == 'RTMPose'
    pose = rtmlib.RTMPose(str(folder / 'model.onnx'), mean=spec['mean'], std=spec['std'],
                          model_input_size=(spec['width'], spec['height']))
    points, _ = pose(image[..., ::-1], BOXES)
    model = init_model(str(folder / 'config.py'), str(folder / 'model.pth'), device='cpu')
    found = [s.pred_instances for s in inference_topdown(model, image, BOXES)]
    expected, scores = (np.concatenate([i[k] for i in found])
                        for k in ('keypoints', 'keypoint_scores'))
    assert (scores > 0).all()  # rtmlib has another rule for joints without a position
    np.testing.assert_allclose(points, expected, atol=0.1)


def test_rtmlib_reads_udp_heatmaps(folders):
    """Its class ViTPose has UDP's decoder away from the border (docs/deployment.md)."""
    rtmlib = pytest.importorskip('rtmlib')
    if not hasattr(rtmlib, 'ViTPose'):
        pytest.skip('this rtmlib has no ViTPose')
    folder = folders('vit')
    description = json.loads((folder / 'deploy.json').read_text())
    assert description['rtmlib'] == 'ViTPose'
    pose = rtmlib.ViTPose(str(folder / 'model.onnx'), model_input_size=(64, 64))
    (output,) = pose.inference(np.zeros((64, 64, 3), np.float32))
    assert output.shape == (1, 3, 16, 16)

    y, x = np.mgrid[:64, :64]
    centres = np.random.default_rng(0).uniform(12, 52, (3, 2))
    maps = np.exp(-((x - centres[:, :1, None])**2 + (y - centres[:, 1:, None])**2) / 8)[None]
    centre, size = region(BOXES[0], description)
    points, _ = pose.postprocess([maps.astype(np.float32)], centre, size)
    expected = to_image(decode([maps.astype(np.float32)], description)[0][0], centre, size,
                        description)
    np.testing.assert_allclose(points[0], expected, atol=0.1)


def test_a_file_that_predicts_otherwise_is_not_written(tmp_path, monkeypatch):
    with_onnx()
    folder, write = plain_folder('heatmap', tmp_path / 'model'), network.write_onnx

    def damaged(net, *args):
        with torch.no_grad():
            net.model.head.final_layer.weight[0] += 0.1
            write(net, *args)
            net.model.head.final_layer.weight[0] -= 0.1
    monkeypatch.setattr(onnx_export, 'write_onnx', damaged)
    with pytest.raises(RuntimeError, match="output heatmaps differs from PyTorch's by"):
        export_onnx(folder)
    assert sorted(p.name for p in folder.iterdir()) == ['config.py', 'model.pth']


def test_a_decoder_that_is_not_the_codecs_is_found(tmp_path, monkeypatch):
    with_onnx()
    folder, describe = plain_folder('heatmap', tmp_path / 'model'), onnx_export.describe

    def wrong(model):
        description = describe(model)
        description['decoder']['scale'] = [2., 2.1]
        return description
    monkeypatch.setattr(onnx_export, 'describe', wrong)
    with pytest.raises(RuntimeError, match="keypoints .*differ from PyTorch's, by up to"):
        export_onnx(folder)
    assert not (folder / 'model.onnx').exists()


def test_given_frames_are_compared_and_chosen_joints_kept(tmp_path, image):
    with_onnx()
    folder = plain_folder('rle', tmp_path / 'model', output_keypoint_indices=[2, 0])
    description = export_onnx(folder, out=tmp_path / 'other', frames=[image, image[:50], image])
    assert description['parity']['frames'] == 3 and description['parity']['keypoints'] == 6
    assert description['keypoint_indices'] == [2, 0]
    assert not (folder / 'model.onnx').exists() and (tmp_path / 'other/model.onnx').exists()


def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(network, 'find_spec', lambda name: None if 'run' in name else object())
    with pytest.raises(RuntimeError, match=r"needs onnxruntime \(to compare.*udapose\[onnx\]'$"):
        export_onnx(tmp_path)


def test_what_is_no_top_down_model_is_refused(tmp_path):
    with_onnx()
    with pytest.raises(FileNotFoundError, match='holds no config.py'):
        export_onnx(tmp_path)
    folder = plain_folder('rtmpose', tmp_path / 'model')
    text = (folder / 'config.py').read_text()
    (folder / 'config.py').write_text(text.replace("'TopdownAffine'", "'BottomupResize'"))
    with pytest.raises(ValueError, match='pipeline holds BottomupResize'):
        export_onnx(folder)


# ------------------------------------------------------------------ the command
def written(tmp_path, config):
    """The config as a file, and a checkpoint of it."""
    config.dump(str(tmp_path / 'config.py'))
    torch.save(weights(config), tmp_path / 'checkpoint.pth')
    return [str(tmp_path / 'config.py'), str(tmp_path / 'checkpoint.pth')]


def test_the_command_writes_all_files_and_says_how_close_they_are(tmp_path, capsys):
    with_onnx()
    files = written(tmp_path, training_config('rle'))
    assert cli.main(['export', *files, '--onnx']) == 0
    text = capsys.readouterr().out
    assert 'exported/model.pth and ' in text and 'predict_on' not in text
    assert "150 keypoints of 50 images differ from PyTorch's by " in text
    assert 'input: normalised RGB crops of 64x64 pixels; rtmlib has no class' in text
    assert (tmp_path / 'exported/model.onnx').is_file()


def student_teacher(predict_on):
    config = training_config('rtmpose').to_dict()
    config['model'] = dict(type='MeanTeacherPoseEstimator', pose_estimator=config['model'],
                           test_cfg=dict(predict_on=predict_on))
    return Config(config)


@pytest.mark.parametrize('evaluated,asked', [('student', None), ('teacher', None),
                                             ('student', 'teacher')])
def test_the_evaluated_branch_is_exported(evaluated, asked, tmp_path, capsys):
    files = written(tmp_path, student_teacher(evaluated))
    assert cli.main(['export', *files, *(['--branch', asked] if asked else [])]) == 0
    saved = torch.load(tmp_path / 'exported/model.pth', weights_only=False)['state_dict']
    all_of = torch.load(files[1], weights_only=False)['state_dict']
    branch, other = asked or evaluated, {'student': 'teacher', 'teacher': 'student'}
    key = 'head.cls_x.weight'
    assert torch.equal(saved[key], all_of[f'{branch}.{key}'])
    assert not torch.equal(saved[key], all_of[f'{other[branch]}.{key}'])
    says = f': the {evaluated}, with which' if not asked else \
        f': the {asked}, though this model is evaluated with its {evaluated}'
    assert says in capsys.readouterr().out


def test_frames_without_onnx_is_one_error(tmp_path):
    files = written(tmp_path, training_config('rle'))
    with pytest.raises(SystemExit, match='--frames is for the comparison of --onnx'):
        cli.main(['export', *files, '--frames', str(tmp_path)])
