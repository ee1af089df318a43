"""Public hands: single numbers that are null or NaN, and options that are one name."""
import json
import pickle

import numpy as np
import pytest
from hand_checks import build
from mini import freihand, panoptic_hands, rhd


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_joint_that_is_null_does_not_cost_the_hand(tmp_path):
    """The box around it was NaN, and the hand was left out as one with an empty box."""
    truth = freihand.write(tmp_path)['training']
    whole = build('FreiHANDDataset', tmp_path, hand='as_is')
    edit(tmp_path / 'training_xyz.json', lambda c: c[0][8].__setitem__(0, None))
    data = build('FreiHANDDataset', tmp_path, hand='as_is')
    assert len(data) == len(whole)
    hurt = [i for i in range(len(data)) if data.report and data[i]['capture'] == 0]
    assert data.report == {'joints with coordinates that are not finite, now unlabelled': len(hurt)}
    assert hurt
    for i in hurt:
        assert data[i]['keypoints_visible'][0].tolist() == [1] * 8 + [0] + [1] * 12
        others = np.delete(truth['points'][0], 8, 0)
        side = data[i]['bbox'][0, 2:] - data[i]['bbox'][0, :2] + 1
        expected = min(224, round(1.5 * np.ptp(others, axis=0).max()))
        np.testing.assert_allclose(side, expected, atol=1)


def rewrite(root, change):
    path = root / 'training/anno_training.pickle'
    content = pickle.loads(path.read_bytes())
    for entry in content.values():
        change(entry)
    path.write_bytes(pickle.dumps(content))


def test_hidden_joints_may_be_nan(tmp_path):
    """Each hand has one that is hidden as a whole, the other, and that covers nothing."""
    rhd.write(tmp_path)
    expected = build('RHDDataset', tmp_path)

    def change(entry):
        entry['uv_vis'] = np.where(entry['uv_vis'][:, 2:] > 0, entry['uv_vis'], [np.nan, np.nan, 0])
    rewrite(tmp_path, change)
    found = build('RHDDataset', tmp_path)
    assert [found[i]['img_path'] for i in range(len(found))] == [
        expected[i]['img_path'] for i in range(len(expected))]
    assert np.isfinite(found[0]['keypoints']).all() and np.isfinite(found[0]['bbox']).all()


def test_a_camera_with_nan_is_left_out_and_counted(tmp_path):
    """Its hands were kept: depths and 3D errors would have been NaN."""
    rhd.write(tmp_path)
    whole = build('RHDDataset', tmp_path)
    number, first = [], whole[0]['img_path'][-9:-4]

    def change(entry):
        if len(number) == int(first):
            entry['K'] = np.array([[np.nan, 0, 160], [0, 300, 160], [0, 0, 1]])
        number.append(1)
    rewrite(tmp_path, change)
    data = build('RHDDataset', tmp_path)
    assert data.report['instances whose camera has numbers that are not finite, left out'] == \
        len(whole) - len(data) > 0
    assert all(np.isfinite(data[i]['intrinsics']).all() for i in range(len(data)))


def test_a_calibration_with_null_is_named(tmp_path):
    """'outside of a view or with an unlabelled wrist' it said of all hands."""
    panoptic_hands.write(tmp_path)
    for path in tmp_path.glob('*/calibration_*.json'):
        edit(path, lambda c: [k['K'][0].__setitem__(0, None) for k in c['cameras']])
    with pytest.raises(ValueError, match=r'calibration_.*\.json: K of camera .* is null or not f'):
        build('PanopticHandsDataset', tmp_path, step=1)


@pytest.mark.parametrize('key', ['validity', 'averageScore'])
def test_null_flags_are_no_flags(tmp_path, key):
    panoptic_hands.write(tmp_path)
    expected = len(build('PanopticHandsDataset', tmp_path, step=1))
    for path in tmp_path.glob('*/hdHand3d/*.json'):
        edit(path, lambda c: [person[side].update({key: None}) for person in c['people']
                              for side in ('left_hand', 'right_hand') if side in person])
    assert len(build('PanopticHandsDataset', tmp_path, step=1)) == expected > 0


def test_one_name_instead_of_a_list(tmp_path):
    """Its letters were taken for names."""
    freihand.write(tmp_path / 'freihand')
    one, same = (build('FreiHANDDataset', tmp_path / 'freihand', versions=v)
                 for v in ('gs', ['gs']))
    assert len(one) == len(same) > 0
    panoptic_hands.write(tmp_path / 'panoptic')
    whole = build('PanopticHandsDataset', tmp_path / 'panoptic', step=1)
    view, sequence = whole[0]['view'], whole[0]['sequence']
    part = build('PanopticHandsDataset', tmp_path / 'panoptic', step=1, cameras=view,
                 sequences=sequence)
    assert 0 < len(part) <= len(whole) and part[0]['view'] == view


def test_hands_without_any_wrist_are_no_matter_of_units(tmp_path):
    freihand.write(tmp_path)
    edit(tmp_path / 'training_xyz.json', lambda c: [hand[0].__setitem__(0, None) for hand in c])
    with pytest.raises(ValueError, match='both the wrist and the knuckle .* are damaged'):
        build('FreiHANDDataset', tmp_path, hand='as_is')


def test_a_hand_that_is_null_was_not_found(tmp_path):
    panoptic_hands.write(tmp_path)
    whole = len(build('PanopticHandsDataset', tmp_path, step=1))
    path = next(tmp_path.glob('*/hdHand3d/*.json'))
    edit(path, lambda c: c['people'].append(dict(left_hand=None, right_hand=None)))
    assert len(build('PanopticHandsDataset', tmp_path, step=1)) == whole > 0
