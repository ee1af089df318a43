"""Helpers of the tests of data loading."""
import cv2
import numpy as np

KEYPOINTS = ['nose', 'left_hand', 'right_hand', 'left_foot', 'right_foot', 'pelvis']
SWAPS = dict(left_hand='right_hand', right_hand='left_hand', left_foot='right_foot',
             right_foot='left_foot')


def make_metainfo(name='tiny', keypoints=KEYPOINTS):
    return dict(
        dataset_name=name, skeleton_info={}, joint_weights=[1.] * len(keypoints),
        sigmas=[0.05] * len(keypoints),
        keypoint_info={
            i: dict(name=k, id=i, color=[0, 255, 0], type='lower' if 'foot' in k else 'upper',
                    swap=SWAPS.get(k, '') if SWAPS.get(k) in keypoints else '')
            for i, k in enumerate(keypoints)})


def smooth_image(rng, width, height):
    """Smooth enough for two bilinear warps to agree."""
    noise = rng.integers(0, 256, (height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.uint8(np.clip((blurred - 127) * 6 + 127, 0, 255))


GEOMETRY = [
    dict(type='RandomFlip'),
    dict(type='RandomBBoxTransform', shift_prob=1., rotate_prob=1.)]
WHOLE = [dict(type='LoadPoseImage'), dict(type='WholeImageBBox'),
         dict(type='GetBBoxCenterScale', padding=1.)]
VIEW = [*GEOMETRY, dict(type='RecordedTopdownAffine', input_size=(64, 64))]
