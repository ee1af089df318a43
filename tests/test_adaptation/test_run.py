"""Whole runs of `udapose adapt`: small, interrupted, repeated, and with bad input."""
import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from media import picture, write_video
from mmengine.config import Config

import udapose
from udapose.adaptation.predictor import Predictor
from udapose.adaptation.run import Adaptation, Options, parse_cfg_options
from udapose.cli import main

SHORT = ['train_dataloader.batch_size=4', 'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False']


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for step in range(24):
        cv2.imwrite(str(folder / f'{step:02d}.png'), picture(4 * step, seed=step))
    return folder


def options(files, data, out, **changes) -> Options:
    config, checkpoint = files
    return Options(**{**dict(
        data=str(data), out=str(out), config=str(config), checkpoint=str(checkpoint),
        iterations=4, device='cpu', predict='none', cfg_options=parse_cfg_options(SHORT)),
        **changes})


def test_from_images_to_a_report(synth_like_model, images, tmp_path, capfd):
    result = Adaptation(options(synth_like_model, images, tmp_path / 'run')).run()
    folder = tmp_path / 'run'
    frames = json.loads((folder / 'frames.json').read_text())
    assert frames['counts']['chosen'] + frames['counts']['held_back'] <= 24
    # the end of the names is held back, and nothing is on both sides
    parts = {p: {f['source'] for f in frames['frames'] if f['part'] == p}
             for p in ('train', 'held_back')}
    assert parts['held_back'] == {'22.png', '23.png'} and not parts['train'] & parts['held_back']
    assert result.report == folder / 'report.html' and result.report.stat().st_size > 1000
    assert result.verdict['word'] in ('better', 'no clear change', 'worse', 'cannot be told')
    kept = Predictor(result.model / 'config.py', result.model / 'model.pth')
    points, _ = kept(picture(0), np.array([[0, 0, 160, 120]]))
    assert np.isfinite(points).all()
    # the model that is kept is the one that the verdict says
    same = torch.load(folder / result.verdict['model'] / 'model.pth', weights_only=False)
    for key, value in torch.load(result.model / 'model.pth',
                                 weights_only=False)['state_dict'].items():
        assert torch.equal(value, same['state_dict'][key])
    # an untrained start model: said before the training, and again at the end
    warned, trained = (capfd.readouterr().out.partition('adaptation'))[::2]
    assert 'knows too little' in warned and trained and result.verdict['word'] == 'cannot be told'

    again = Adaptation(options(synth_like_model, images, folder)).run()
    shown = capfd.readouterr().out
    assert shown.count('done before') == 9 and again.verdict == result.verdict

    # what was cut off before the end of the training goes on with it
    (folder / 'adapted' / 'model.pth').unlink()
    Adaptation(options(synth_like_model, images, folder)).run()
    shown = capfd.readouterr().out
    assert 'plan: done before' in shown and 'adaptation: done before' not in shown
    assert not (folder / 'work_1').exists()

    for step in range(2):
        cv2.imwrite(str(images / f'z{step}.png'), picture(9 * step, seed=50 + step))
    Adaptation(options(synth_like_model, images, folder, dry_run=True)).run()
    shown = capfd.readouterr().out
    assert '2 new file(s) (z0.png, z1.png)' in shown and 'the start model: done before' in shown
    assert 'frames: done before' not in shown


def test_the_config_trains_alike(synth_like_model, images, tmp_path):
    result = Adaptation(options(synth_like_model, images, tmp_path / 'run', dry_run=True)).run()
    assert result.verdict is None and not (tmp_path / 'run' / 'work').exists()
    assert main(['train', str(tmp_path / 'run/config.py'), '--work-dir',
                 str(tmp_path / 'alone')]) == 0
    assert (tmp_path / 'alone' / 'iter_4.pth').exists()


def write_labels(path, joints, seed=0, images=None):
    """A COCO keypoint file with random joints, one person in each image."""
    images = [f'{i}.png' for i in range(6)] if images is None else images
    keypoints = np.random.default_rng(seed).uniform(10, 100, (len(images), len(joints), 3))
    keypoints[..., 2] = 2
    path.write_text(json.dumps(dict(
        images=[dict(id=i, file_name=name, width=160, height=120)
                for i, name in enumerate(images)],
        annotations=[dict(id=i, image_id=i, category_id=1, bbox=[0, 0, 160, 120], area=19200,
                          iscrowd=0, num_keypoints=len(joints),
                          keypoints=keypoints[i].ravel().tolist()) for i in range(len(images))],
        categories=[dict(id=1, name='person', keypoints=joints)])))
    return path


def test_with_labelled_source_images_and_some_labels(synth_like_model, images, tmp_path):
    joints = Predictor(*synth_like_model).names
    (tmp_path / 'source').mkdir()
    for i in range(6):
        cv2.imwrite(str(tmp_path / f'source/{i}.png'), picture(5 * i, seed=i))
    source = write_labels(tmp_path / 'source/labels.json', joints)
    labelled = ['03.png', '04.png', '20.png']
    labels = write_labels(tmp_path / 'mine.json', joints, 1, labelled)
    given = options(synth_like_model, images, tmp_path / 'run', source=str(source),
                    labels=str(labels), cfg_options=parse_cfg_options(
                        [*SHORT, 'train_dataloader.sampler.batch_size=4']))
    result = Adaptation(given).run()
    cfg = Config.fromfile(tmp_path / 'run/config.py')
    assert cfg.train_dataloader.dataset.type == 'TwoDomainDataset'
    assert not cfg.model.train_cfg.get('source_free')
    frames = json.loads((tmp_path / 'run/frames.json').read_text())['frames']
    assert {f['source'] for f in frames if f['part'] == 'held_back'} >= set(labelled)
    assert result.verdict['by'] == 'labels' and result.verdict['labelled'] == 3
    rows = {row['name']: row for row in result.verdict['measures']}
    # the same as MMPose's own evaluation of the start model: joints within 5 % of the box
    predictor = Predictor(*synth_like_model)
    truth = json.loads(source.read_text())['annotations']
    near = [np.linalg.norm(
        predictor(cv2.imread(str(tmp_path / f'source/{i}.png')), np.array([[0, 0, 160, 120]]))[0][0]
        - np.reshape(truth[i]['keypoints'], (-1, 3))[:, :2], axis=1) <= 8 for i in range(6)]
    assert rows['source PCK@0.05']['before'] == pytest.approx(100 * np.mean(near), abs=0.01)
    assert 'labelled source images' in result.report.read_text()


def test_a_video_with_boxes_from_motion(synth_like_model, tmp_path):
    write_video(tmp_path / 'walk.avi', frames=150, present=lambda s: s % 30 < 24)
    adaptation = Adaptation(options(synth_like_model, tmp_path / 'walk.avi', tmp_path / 'run',
                                    boxes='motion', dry_run=True))
    adaptation.run()
    frames = json.loads((tmp_path / 'run/frames.json').read_text())['frames']
    held = [f for f in frames if f['part'] == 'held_back']
    train = [f for f in frames if f['part'] == 'train']
    assert max(f['time'] for f in train) < min(f['time'] for f in held)  # by time
    clip = [f['index'] for f in held if f['clip'] == 0]
    assert len(clip) >= 10 and np.all(np.diff(clip) == 1)  # consecutive
    people = json.loads((tmp_path / 'run/held_back.json').read_text())
    assert {a['track_id'] for a in people['annotations']} <= set(range(10))


@pytest.mark.parametrize('change, error, message', [
    (dict(data='missing/'), FileNotFoundError, 'missing/ does not exist'),
    (dict(checkpoint='missing.pth'), FileNotFoundError, '--checkpoint missing.pth'),
    (dict(config='missing.py'), FileNotFoundError, 'missing.py does not exist'),
    (dict(config=None), ValueError, 'name the model'),
    (dict(config=None, model='rtmpose-mm'), ValueError, 'Aliases: .*human.*Near names: rtmpose'),
    (dict(labels='missing.json'), FileNotFoundError, '--labels missing.json'),
    (dict(device='cuda:7'), ValueError, '--device cuda:7 cannot be used'),
    (dict(max_frames=1), ValueError, '--max-frames 1'),
    (dict(boxes='nofile.json'), ValueError, '--boxes nofile.json')])
def test_bad_input_is_refused_early(change, error, message, synth_like_model, images, tmp_path):
    with pytest.raises(error, match=message):
        Adaptation(options(synth_like_model, **{**dict(
            data=images, out=tmp_path / 'run'), **change})).run()
    assert not (tmp_path / 'run').exists()


def test_a_folder_of_something_else(synth_like_model, images, tmp_path):
    with pytest.raises(ValueError, match='is not empty and no run'):
        Adaptation(options(synth_like_model, images, images))
    (tmp_path / 'file').write_text('x')
    with pytest.raises(ValueError, match='is a file'):
        Adaptation(options(synth_like_model, images, tmp_path / 'file'))


def test_the_wrong_checkpoint(synth_like_model, images, tmp_path):
    content = torch.load(synth_like_model[1], weights_only=False)
    content['state_dict'].popitem()
    torch.save(content, tmp_path / 'short.pth')
    with pytest.raises(RuntimeError, match='short.pth does not fit'):
        Adaptation(options(synth_like_model, images, tmp_path / 'run',
                           checkpoint=str(tmp_path / 'short.pth'))).run()


@pytest.mark.parametrize('kind', ['one', 'broken', 'empty video'])
def test_too_little_data(kind, synth_like_model, tmp_path):
    folder = tmp_path / 'data'
    folder.mkdir()
    if kind == 'one':
        cv2.imwrite(str(folder / 'a.png'), picture(0))
    elif kind == 'broken':
        (folder / 'a.jpg').write_bytes(b'no image')
    else:
        (folder / 'a.mp4').write_bytes(b'')
    with pytest.raises(ValueError, match='only . frame'):
        Adaptation(options(synth_like_model, folder, tmp_path / 'run')).run()


def test_broken_files_in_between_are_said(synth_like_model, images, tmp_path, capfd):
    (images / '05.png').write_bytes(b'broken')
    (images / '06.png').write_bytes(b'')
    Adaptation(options(synth_like_model, images, tmp_path / 'run', dry_run=True)).run()
    counts = json.loads((tmp_path / 'run/frames.json').read_text())['counts']
    assert counts['unreadable images'] == 2 and counts['files with a problem'] == 2
    assert '05.png: cannot be read' in capfd.readouterr().out


def test_large_portrait_and_grey_images(synth_like_model, tmp_path):
    folder = tmp_path / 'data'
    folder.mkdir()
    for i in range(4):
        large = cv2.resize(picture(8 * i, seed=i), (2160, 3840))
        cv2.imwrite(str(folder / f'{i}.jpg'), large[..., 0] if i % 2 else large)
    adaptation = Adaptation(options(synth_like_model, folder, tmp_path / 'run', dry_run=True))
    adaptation.run()
    content = json.loads((tmp_path / 'run/frames.json').read_text())
    assert all(max(f['width'], f['height']) <= 1600 for f in content['frames'])
    assert content['counts']['made smaller'] == 4


def test_the_function(synth_like_model, images, tmp_path):
    config, checkpoint = map(str, synth_like_model)
    result = udapose.adapt(config=config, checkpoint=checkpoint, data=images,
                           out=tmp_path / 'run', iterations=4, dry_run=True)
    assert result.folder == tmp_path / 'run' and result.verdict is None
    # the folder of an exported model is a model
    shutil.copytree(synth_like_model[0].parent, tmp_path / 'exported')
    result = udapose.adapt(model=str(tmp_path / 'exported'), data=[str(images)],
                           out=tmp_path / 'run2', iterations=4, dry_run=True)
    assert (result.folder / 'start' / 'model.pth').exists()


def test_the_command_says_one_sentence(images, capsys):
    with pytest.raises(SystemExit) as error:
        main(['adapt', '--model', 'human', '--data', str(images / 'none'), '--out', 'x'])
    assert str(error.value).startswith('error: ') and '\n' not in str(error.value)
    with pytest.raises(SystemExit, match='name your videos or images with --data'):
        main(['adapt', '--model', 'human'])
