"""A finished run with other outputs or labels: what is there is used."""
import json
import shutil

import pytest
from media import write_video
from test_run import images, options, write_labels  # noqa: F401

from udapose.adaptation import run as run_module
from udapose.adaptation.kept_model import keep_model
from udapose.adaptation.outputs import _begun, outdated
from udapose.adaptation.predictor import Predictor
from udapose.adaptation.run import Adaptation
from udapose.adaptation.steps import Steps
from udapose.cli import main
from udapose.deploy.onnx_export import FILES
from udapose.file_io import write_json


def test_a_step_on_the_side_depends_on_its_base_alone(tmp_path):
    done = []

    def run(value, base='model'):
        steps = Steps(tmp_path, {})
        steps.run('one', 'one', dict(value=value), lambda: done.append('one'))
        before = steps.chain
        steps.run('side', 'side', {}, lambda: done.append('side'), base=base)
        assert steps.chain == before
        steps.run('last', 'last', {}, lambda: done.append('last'))
    run(1)
    run(1)
    assert done == ['one', 'side', 'last']
    run(2)
    assert done[3:] == ['one', 'last']
    run(2, base='another model')
    assert done[5:] == ['side']


def test_the_onnx_file_of_another_model_goes(tmp_path, capsys):
    for name in ('start', 'adapted'):
        (tmp_path / name).mkdir()
        for file in ('config.py', 'model.pth'):
            (tmp_path / name / file).write_text(f'{name} {file}')
    keep_model(tmp_path, 'adapted')
    for name in FILES:
        (tmp_path / 'model' / name).write_text('')
    keep_model(tmp_path, 'adapted')
    assert all((tmp_path / 'model' / name).exists() for name in FILES)
    assert capsys.readouterr().out == ''
    keep_model(tmp_path, 'start')
    assert {p.name: p.read_text() for p in (tmp_path / 'model').iterdir()} == {
        n: f'start {n}' for n in ('config.py', 'model.pth')}
    assert 'model.onnx was of another model and is removed' in capsys.readouterr().out


def test_which_predictions_are_used_again(tmp_path):
    def left(known, made_with, complete):
        (tmp_path / 'all').mkdir(exist_ok=True)
        write_json(tmp_path / 'predictions.json', known)
        every = _begun(tmp_path, made_with, complete)
        return every, (tmp_path / 'all').exists()
    assert left(dict(made_with='a', every=3), 'a', False) == (3, True)
    assert left(dict(made_with='a', every=1), 'a', True) == (1, True)
    assert left(dict(made_with='a', every=3), 'a', True) == (None, False)
    assert left(dict(made_with='b', every=1), 'a', False) == (None, False)
    run = tmp_path / 'run'
    assert not outdated(run, 'a')
    (run / 'predictions').mkdir(parents=True)
    write_json(run / 'predictions/predictions.json', dict(made_with='a', every=1))
    assert not outdated(run, 'a') and outdated(run, 'b')


def test_outputs_and_labels_that_are_added_later(synth_like_model, images, tmp_path,  # noqa: F811
                                                 capfd, monkeypatch):
    write_video(images / 'walk.avi', 60)
    run = tmp_path / 'run'

    def again(**changes):
        result = Adaptation(options(synth_like_model, images, run, boxes='whole',
                                    **{'predict': 'auto', **changes})).run()
        shown = capfd.readouterr().out
        return result, {name: f'{title}: done before' in shown for name, title in dict(
            frames='frames', training='adaptation', verdict='is it better?',
            predictions='predictions of all files').items()}, shown
    result, done, _ = again()
    assert not any(done.values()) and (run / 'predictions/before_after/walk.mp4').is_file()
    mark = (run / 'predictions/all/walk.json').stat().st_mtime_ns

    asked = []

    def export_onnx(folder, frames):
        asked.extend(frames)
        for name in FILES:
            (folder / name).write_text('')
        return dict(parity={})
    monkeypatch.setattr(run_module, 'export_onnx', export_onnx)
    result, done, _ = again(onnx=True)
    assert all(done.values()) and asked[0].shape == (120, 160, 3)

    # the report's own suggestion, corrected and given back
    labels = tmp_path / 'mine.json'
    content = json.loads((run / 'worth_labelling.json').read_text())
    for annotation in content['annotations']:
        annotation['keypoints'] = [x + 0.5 * (i % 3 < 2)
                                   for i, x in enumerate(annotation['keypoints'])]
    labels.write_text(json.dumps(content))
    result, done, _ = again(labels=str(labels))
    assert result.verdict['by'] == 'labels' and done == dict(
        frames=True, training=True, verdict=False, predictions=True)
    assert result.verdict['model'] == 'adapted' and (run / 'model/model.onnx').exists()

    # the same frame by the name that it has in the data is held back, too
    held = next(f for f in json.loads((run / 'frames.json').read_text())['frames']
                if f['part'] == 'held_back' and f['source'].endswith('.png'))
    joints = Predictor(*synth_like_model).names
    write_labels(labels, joints, images=[held['source']])
    _, done, _ = again(labels=str(labels), dry_run=True)
    assert done['frames']
    write_labels(labels, joints, images=[held['source'], '03.png'])
    _, done, shown = again(labels=str(labels), dry_run=True)
    assert not done['frames'] and '1 of 2 labelled frames are not held back so far' in shown
    assert (run / 'predictions/all/walk.json').stat().st_mtime_ns == mark


def test_the_onnx_file_of_a_folder(synth_like_model, tmp_path, capsys):
    pytest.importorskip('onnxruntime')
    folder = tmp_path / 'run/model'
    shutil.copytree(synth_like_model[0].parent, folder)
    assert main(['export', '--onnx', str(tmp_path / 'run')]) == 0
    assert f'wrote {folder}/model.onnx' in capsys.readouterr().out
    assert {p.name for p in folder.iterdir()} == {'config.py', 'model.pth', *FILES}
    for arguments, message in (
            ([str(folder)], 'is a plain one already: --onnx writes'),
            ([str(folder), 'a.pth', '--onnx'], 'leave the checkpoint out'),
            ([str(folder), '--branch', 'student', '--onnx'], 'leave --branch out'),
            ([str(folder / 'config.py')], 'name CONFIG and CHECKPOINT, or with --onnx'),
            ([str(tmp_path), '--onnx'], 'holds neither config.py and model.pth')):
        with pytest.raises(SystemExit, match=message):
            main(['export', *arguments])
