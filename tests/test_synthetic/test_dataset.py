"""The files on disk: labels, layout, and what MMPose makes of them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from udapose.synthetic import KEYPOINT_SETS, Parameters, make_sample
from udapose.synthetic.body import load_body
from udapose.synthetic.hand import load_hand
from udapose.synthetic.sample import DOMAINS, SPLITS, identity_pool

METAINFO = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets' / 'metainfo'
JOINTS = dict(people=22, hands=21)


def load(out, domain, split):
    return json.loads((out / domain / 'annotations' / f'{split}.json').read_text())


def labels(out):
    """All annotations with their domain."""
    return [(domain, a) for domain in DOMAINS for split in SPLITS
            for a in load(out, domain, split)['annotations']]


def keypoints(label):
    return np.array(label['keypoints']).reshape(-1, 3)


def test_layout(data_set, small_parameters):
    out, kind = data_set
    counts = dict(train=12, val=6, test=8)
    for domain, suffix in (('source', 'png'), ('target', 'jpg')):
        for split in SPLITS:
            data = load(out, domain, split)
            assert len(data['annotations']) == counts[split]
            for image, label in zip(data['images'], data['annotations']):
                assert image['id'] == label['image_id']
                assert image['file_name'] == f'{image["id"]:06d}.{suffix}'
                picture = cv2.imread(str(out / domain / 'images' / split / image['file_name']))
                assert picture.shape == (64, 64, 3)
                mask = cv2.imread(str(out / domain / label['mask']), cv2.IMREAD_GRAYSCALE)
                assert mask.shape == (64, 64) and set(np.unique(mask)) <= {0, 255}
                rows, columns = np.nonzero(mask)
                left, top, width, height = label['bbox']
                assert (left, top) == (columns.min(), rows.min())
                assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())
                assert label['area'] == len(rows)
                assert len(label['keypoints']) == 3 * JOINTS[kind]
                assert np.shape(label['keypoints_3d']) == (JOINTS[kind], 3)
                assert label['root_index'] == KEYPOINT_SETS[kind].root
    meta = json.loads((out / 'meta.json').read_text())
    assert (meta['kind'], meta['size'], meta['seed']) == (kind, 64, 3)
    assert meta['counts']['target'] == counts
    assert not (out / '.partial').exists()
    assert cv2.imread(str(out / 'contact_sheet.png')).size > 0


def test_3d_joints_reproject_onto_2d(data_set):
    out, _ = data_set
    for _, label in labels(out):
        projected = np.array(label['keypoints_3d']) @ np.array(label['camera']['K']).T
        error = projected[:, :2] / projected[:, 2:] - keypoints(label)[:, :2]
        assert np.abs(error).max() < 0.05
        R = np.array(label['camera']['R'])
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(R) > 0


def test_visible_joints_lie_on_the_figure(data_set):
    out, _ = data_set
    hits = []
    for domain, label in labels(out):
        mask = cv2.imread(str(out / domain / label['mask']), cv2.IMREAD_GRAYSCALE)
        mask = cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0
        points = keypoints(label)
        at = np.clip(np.round(points[points[:, 2] == 2, :2]).astype(int), 0, 63)
        hits += mask[at[:, 1], at[:, 0]].tolist()
    assert len(hits) > 500
    assert np.mean(hits) >= 0.95


def test_some_joints_are_occluded_and_most_visible(data_set):
    out, _ = data_set
    flags = np.concatenate([keypoints(label)[:, 2] for _, label in labels(out)])
    assert 0.1 < (flags == 1).mean() < 0.4
    assert (flags == 2).mean() > 0.6


def test_identities_are_disjoint(data_set):
    out, kind = data_set
    seen = {}
    for domain in DOMAINS:
        for split in SPLITS:
            for label in load(out, domain, split)['annotations']:
                assert seen.setdefault(label['identity'], (domain, split)) == (domain, split)
    model = load_body() if kind == 'people' else load_hand()
    everyone = np.arange(model.num_identities)
    pools = [identity_pool(everyone, d, s) for d in DOMAINS for s in SPLITS]
    assert sum(map(len, pools)) == len(np.unique(np.concatenate(pools))) == len(everyone)
    assert min(map(len, pools)) >= 40


def samples(kind, domain, count):
    counts = {d: dict(train=count, val=0, test=0) for d in DOMAINS}
    parameters = Parameters(kind, 64, 0, counts)
    return [make_sample(parameters, domain, 'train', i) for i in range(count)]


@pytest.mark.parametrize('domain', DOMAINS)
def test_left_and_right_of_people(domain):
    left_shoulder, right_shoulder, nose, neck = 5, 6, 0, 17
    checked = 0
    for sample in samples('people', domain, 60):
        x = sample.keypoints[:, 0]
        # The face tells from the picture's geometry alone which side the camera sees.
        nearer = sample.keypoints_3d[neck, 2] - sample.keypoints_3d[nose, 2]
        if abs(nearer) > .1:
            seen_from_front = nearer > 0
            assert (x[left_shoulder] > x[right_shoulder]) == seen_from_front
            checked += 1
    assert checked >= 20


@pytest.mark.parametrize('domain', DOMAINS)
def test_left_and_right_hands_bend_towards_the_palm(domain):
    """Chirality against a textbook hand: little finger x middle finger of a right hand points
    out of its back, and fingers bend to the other side; a left hand is the mirror image."""
    checked = 0
    for sample in samples('hands', domain, 40):
        points = sample.keypoints_3d
        along = points[9] - points[0]
        along /= np.linalg.norm(along)
        bend = points[[8, 12, 16, 20]] - points[[5, 9, 13, 17]]
        bend = (bend - (bend @ along)[:, None] * along).mean(0)
        if np.linalg.norm(bend) < .01:
            continue
        towards_back = np.dot(np.cross(points[17] - points[5], along), bend) > 0
        assert towards_back == (sample.tags['hand'] == 'left')
        checked += 1
    assert checked >= 30


@pytest.mark.parametrize('domain', DOMAINS)
def test_mmpose_reads_it(data_set, domain):
    from mmpose.datasets import CocoDataset
    out, kind = data_set
    dataset = CocoDataset(
        ann_file='annotations/train.json', data_root=str(out / domain),
        data_prefix=dict(img='images/train/'),
        metainfo=dict(from_file=str(METAINFO / f'synth_{kind}_{domain}.py')), pipeline=[],
        test_mode=False)
    assert len(dataset) == 12
    assert dataset.metainfo['dataset_name'] == f'synth_{kind}_{domain}'
    item = dataset[0]
    assert item['keypoints'].shape == (1, JOINTS[kind], 2)
    assert Path(item['img_path']).is_file()
    label = load(out, domain, 'train')['annotations'][0]
    np.testing.assert_allclose(item['keypoints'][0], keypoints(label)[:, :2], atol=1e-4)
    assert item['keypoints_visible'][0].sum() == label['num_keypoints']
