"""Body and hand: kinematics, joint sets, poses and the rejection of impossible ones."""

from dataclasses import replace

import numpy as np
import pytest

from udapose.synthetic import HANDS, PEOPLE
from udapose.synthetic.body import load_body
from udapose.synthetic.hand import load_hand
from udapose.synthetic.poses import sample_body_pose
from udapose.synthetic.rotations import (
    AXIS_X,
    AXIS_Y,
    AXIS_Z,
    aligning_rotation,
    axis_rotation,
    fractional_rotation,
)


def neutral_pose():
    pose = sample_body_pose(np.random.default_rng(0))
    return replace(pose, spine=(0, 0, 0), neck=(0, 0, 0), legs=[(0, 0, 0, 0)] * 2,
                   ankles=[0, 0], arms=[(10, 0, 0, 0)] * 2, forearm_twists=[0, 0],
                   wrists=[0, 0], finger_curls=[0, 0])


def people_keypoints(pose, identity=0):
    body = load_body()
    rest = body.identity(identity)
    figure = body.pose(rest, body.rotations(rest, pose), np.eye(3))
    return dict(zip(PEOPLE.names, body.keypoints(figure), strict=True)), figure


def test_rotations():
    np.testing.assert_allclose(axis_rotation(AXIS_Z, 90) @ AXIS_X, AXIS_Y, atol=1e-12)
    np.testing.assert_allclose(axis_rotation(AXIS_X, 90) @ AXIS_Y, AXIS_Z, atol=1e-12)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3))
    turned = aligning_rotation(a, b) @ a
    np.testing.assert_allclose(turned / np.linalg.norm(turned), b / np.linalg.norm(b))
    whole = axis_rotation(a, 70)
    np.testing.assert_allclose(fractional_rotation(whole, .3), axis_rotation(a, 21), atol=1e-9)
    np.testing.assert_allclose(fractional_rotation(np.eye(3), .3), np.eye(3))


@pytest.mark.parametrize('load', [load_body, load_hand])
def test_rest_pose_is_reproduced_and_turns_rigidly(load):
    model = load()
    rest = model.identity(3)
    posed = model.pose(rest, {}, np.eye(3))
    np.testing.assert_allclose(posed.vertices, rest.vertices, atol=1e-3)
    turn = axis_rotation([1, 2, 3], 50)
    turned = model.pose(rest, {}, turn)
    root = rest.heads[0]
    np.testing.assert_allclose(turned.heads, (rest.heads - root) @ turn.T + root, atol=1e-9)
    np.testing.assert_allclose(turned.extra, (rest.extra - root) @ turn.T + root, atol=1e-9)


def test_bones_keep_their_lengths():
    body, rng = load_body(), np.random.default_rng(1)
    rest = body.identity(5)
    figure = body.pose(rest, body.rotations(rest, sample_body_pose(rng)), np.eye(3))

    def lengths(heads):
        return np.linalg.norm(heads[1:] - heads[body.parents[1:]], axis=1)
    np.testing.assert_allclose(lengths(figure.heads), lengths(rest.heads), atol=1e-9)


def test_joint_angles_move_the_right_way():
    """Z is up, the body faces -Y, its left side is +X."""
    base, _ = people_keypoints(neutral_pose())
    assert base['nose'][1] < base['left_ear'][1] and base['left_hip'][0] > base['right_hip'][0]
    assert base['head_top'][2] > base['neck'][2] > base['pelvis'][2] > base['left_ankle'][2]
    leg = [(80, 0, 0, 0), (0, 0, 0, 0)]
    lifted, _ = people_keypoints(replace(neutral_pose(), legs=leg))
    assert lifted['left_knee'][1] < base['left_knee'][1] - .2, 'flexion brings the knee forward'
    np.testing.assert_allclose(lifted['right_knee'], base['right_knee'], atol=1e-9)
    bent, _ = people_keypoints(replace(neutral_pose(), legs=[(0, 0, 0, 90)] * 2))
    assert bent['left_ankle'][1] > base['left_ankle'][1] + .2, 'knees bend backwards'
    spread, _ = people_keypoints(replace(neutral_pose(), legs=[(0, 30, 0, 0)] * 2))
    assert spread['left_ankle'][0] > base['left_ankle'][0] + .2
    assert spread['right_ankle'][0] < base['right_ankle'][0] - .2
    tee, _ = people_keypoints(replace(neutral_pose(), arms=[(90, 0, 0, 0)] * 2))
    assert tee['left_wrist'][0] > .4 and tee['right_wrist'][0] < -.4
    assert abs(tee['left_wrist'][2] - tee['left_shoulder'][2]) < .12
    bow, _ = people_keypoints(replace(neutral_pose(), spine=(50, 0, 0)))
    assert bow['nose'][1] < base['nose'][1] - .2


def elbow_angle(points, side):
    upper = points[f'{side}_elbow'] - points[f'{side}_shoulder']
    fore = points[f'{side}_wrist'] - points[f'{side}_elbow']
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(upper, fore)), upper @ fore))


@pytest.mark.parametrize('flexion', [0, 45, 120])
def test_elbow_flexion_is_the_angle_between_the_bones(flexion):
    points, _ = people_keypoints(replace(neutral_pose(), arms=[(40, 20, 10, flexion)] * 2))
    for side in ('left', 'right'):
        # The forearm is two bones, hence some tolerance.
        assert elbow_angle(points, side) == pytest.approx(flexion, abs=4)


def test_self_intersection():
    body = load_body()
    assert not body.intersects_itself(people_keypoints(neutral_pose())[1])
    impossible = dict(
        forearm_in_trunk=replace(neutral_pose(), arms=[(10, 0, -90, 90), (10, 0, 0, 0)]),
        hand_in_head=replace(neutral_pose(), arms=[(90, 0, 90, 150), (10, 0, 0, 0)]),
        crossed_shins=replace(neutral_pose(), legs=[(0, -15, 0, 0)] * 2))
    for name, pose in impossible.items():
        assert body.intersects_itself(people_keypoints(pose)[1]), name


def test_poses_stay_within_joint_limits_and_vary():
    rng = np.random.default_rng(0)
    poses = [sample_body_pose(rng) for _ in range(300)]
    assert len({pose.modes for pose in poses}) > 50
    for pose in poses:
        for flexion, abduction, _, knee in pose.legs:
            assert -25 <= flexion <= 120 and -6 <= abduction <= 50 and 0 <= knee <= 140
        for elevation, _, _, elbow in pose.arms:
            assert 3 <= elevation <= 172 and 0 <= elbow <= 140


@pytest.mark.parametrize('joints', [PEOPLE, HANDS])
def test_flip_indices_are_an_involution(joints):
    flip = joints.flip_indices
    assert [flip[i] for i in flip] == list(range(len(joints.names)))
    moved = [i for i, j in enumerate(flip) if i != j]
    assert len(moved) == (16 if joints is PEOPLE else 0)


def test_hand_joints_are_chains_from_palm_to_tip():
    hand = load_hand()
    points = hand.keypoints(hand.identity(0))
    assert points.shape == (21, 3)
    fingers = points[1:].reshape(5, 4, 3)
    reach = np.linalg.norm(fingers - points[0], axis=2)
    assert (np.diff(reach, axis=1) > 0).all()
    segments = np.linalg.norm(np.diff(fingers, axis=1), axis=2)
    assert (.01 < segments).all() and (segments < .08).all()
