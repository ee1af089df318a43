"""The joint sets in configs/_base_/datasets/metainfo agree with the generator's."""

from pathlib import Path

import pytest

from udapose.synthetic import HANDS, LSP14_FROM_PEOPLE, PEOPLE

METAINFO = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets' / 'metainfo'
FILES = dict(synth_people_source=PEOPLE, synth_people_target=PEOPLE, synth_hands_source=HANDS,
             synth_hands_target=HANDS, lsp14=None)


def parse(name):
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    return parse_pose_metainfo(dict(from_file=str(METAINFO / f'{name}.py')))


def names_of(meta):
    return tuple(meta['keypoint_id2name'][i] for i in range(meta['num_keypoints']))


@pytest.mark.parametrize('name', FILES)
def test_metainfo(name):
    meta = parse(name)
    assert meta['dataset_name'] == name
    count = meta['num_keypoints']
    flip = meta['flip_indices']
    assert [flip[i] for i in flip] == list(range(count)), 'mirroring twice is no involution'
    for i, partner in enumerate(flip):
        one, other = meta['keypoint_id2name'][i], meta['keypoint_id2name'][partner]
        swapped = one.replace('left', '@').replace('right', 'left').replace('@', 'right')
        assert other == swapped
    assert len(meta['sigmas']) == len(meta['dataset_keypoint_weights']) == count
    assert meta['sigmas'].min() > 0
    if FILES[name] is not None:
        assert names_of(meta) == FILES[name].names
        assert list(flip) == FILES[name].flip_indices
        assert {tuple(link) for link in meta['skeleton_links']} == set(FILES[name].bones)


def test_lsp_order():
    assert names_of(parse('lsp14')) == (
        'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
        'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
        'left_wrist', 'neck', 'head_top')
    assert names_of(parse('lsp14')) == tuple(PEOPLE.names[i] for i in LSP14_FROM_PEOPLE)
