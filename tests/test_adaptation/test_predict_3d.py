"""`udapose predict` with a 3D model: the depths of the joints beside their pixels."""
import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from udapose import cli
from udapose.adaptation.prediction_files import from_instances, read_frames
from udapose.adaptation.predictor import Predictor
from udapose.apis import inference_topdown
from udapose.export import export

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_predict import write_images, write_video  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    path = ROOT / 'configs/masked_reconstruction/scratch_synth-hands_vit-tiny_64x64.py'
    cfg = Config.fromfile(path)
    init_default_scope('mmpose')
    torch.manual_seed(0)
    weights = MODELS.build(cfg.model).state_dict()
    return export(cfg, dict(state_dict=weights), tmp_path_factory.mktemp('model') / 'plain')


def test_depths_of_a_video_and_of_images(model, tmp_path, capsys):
    data, out = tmp_path / 'data', tmp_path / 'out'
    write_images(data, 2)
    write_video(data / 'clip.mp4', frames=4)
    command = ['predict', str(model), '--data', str(data), '--out', str(out), '--boxes', 'whole']
    assert cli.main(command) == 0
    assert 'a 3D model: CSV and JSON have the depths' in capsys.readouterr().out
    predictor = Predictor(model / 'config.py', model / 'model.pth')
    image = cv2.imread(str(data / '1.png'))
    box = np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32)
    expected = inference_topdown(predictor.model, image, box)[0].pred_instances.keypoint_depths[0]
    assert expected.std() > 1e-3  # mm
    (person,) = json.loads((out / '1.json').read_text())
    np.testing.assert_allclose(person['keypoint_depths'], expected, atol=0.06)
    with open(out / 'images.csv', newline='', encoding='utf-8') as file:
        row = list(csv.DictReader(file))[1]
    found = [float(row[f'{name}_depth']) for name in predictor.names]
    np.testing.assert_allclose(found, expected, atol=0.06)
    _, poses = zip(*read_frames(out / 'clip.json'), strict=True)
    assert len(poses) == 4 and all(p.depths.shape == (1, len(predictor.names)) for p in poses)
    assert cli.main(command) == 0 and '0 frames' in capsys.readouterr().out  # all was there
    # without anybody there are still as many columns
    points, confidence, depths = predictor.with_depths(image, np.zeros((0, 4), np.float32))
    assert points.shape == (0, 21, 2) and confidence.shape == depths.shape == (0, 21)


def test_an_unfinished_table_without_depths_is_not_continued(model, tmp_path, capsys):
    data, out = write_images(tmp_path / 'data', 1), tmp_path / 'out'
    command = ['predict', str(model), '--data', str(data), '--out', str(out), '--boxes', 'whole']
    assert cli.main(command) == 0
    journal = out / 'predictions.jsonl'
    lines = journal.read_text().split('\n')
    options = json.loads(lines[0])
    assert options.pop('depths') is True
    journal.write_text('\n'.join([json.dumps(options), *lines[1:]]))  # of an earlier version
    with pytest.raises(SystemExit, match='made with depths None, now it is True: give another'):
        cli.main(command)


def test_mixed_instances_have_no_depths():
    person = dict(keypoints=[[1, 2]], keypoint_scores=[1.], bbox=[0, 0, 4, 4])
    assert from_instances([dict(person, keypoint_depths=[3.]), person]).depths is None
    assert from_instances([dict(person, keypoint_depths=[3.])]).depths.tolist() == [[3.]]
