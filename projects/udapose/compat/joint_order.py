"""Joints in the order of their numbers, however a config lists them.

MMPose takes ``flip_indices`` and colours in the order in which ``keypoint_info`` lists the joints,
and MMEngine writes a config's dictionaries in *alphabetic* order of their keys: 0, 1, 10, 11, ...
A config that was written out with its metainfo in it (an export, the copy in a work directory) then
exchanged the wrong joints in every flip, without a word.
"""
import sys

from .fixes import is_applied, record

NAME = 'joint order'


def fix() -> None:
    """Let ``parse_pose_metainfo`` sort joints and links by their numbers first."""
    from mmpose.datasets.datasets import utils
    if is_applied(NAME):
        return
    given = utils.parse_pose_metainfo
    if _copes(given):
        return

    def parse_pose_metainfo(metainfo: dict) -> dict:
        return given(in_order(metainfo))
    parse_pose_metainfo.__doc__ = given.__doc__
    for name, module in list(sys.modules.items()):
        if name.partition('.')[0] == 'mmpose' and \
                vars(module).get('parse_pose_metainfo') is given:
            module.parse_pose_metainfo = parse_pose_metainfo
    record(NAME, 'MMPose takes flip_indices in the order in which a config lists the joints, and '
           'MMEngine writes them as 0, 1, 10, 11, ...', 'joints are sorted by their numbers first')


def in_order(metainfo: dict) -> dict:
    """A metainfo whose joints and links are listed by number; others are returned as they are."""
    changed = {}
    for key in ('keypoint_info', 'skeleton_info'):
        info = metainfo.get(key)
        if isinstance(info, dict) and all(isinstance(number, int) for number in info) and \
                list(info) != sorted(info):
            changed[key] = dict(sorted(info.items()))
    return {**metainfo, **changed} if changed else metainfo


def _copes(parse) -> bool:
    """Whether MMPose sorts by itself."""
    joints = {1: dict(name='b', id=1, color=[0, 0, 0], type='', swap='b'),
              0: dict(name='a', id=0, color=[0, 0, 0], type='', swap='a')}
    found = parse(dict(dataset_name='two', keypoint_info=joints, skeleton_info={},
                       joint_weights=[1., 1.], sigmas=[]))
    return list(found['flip_indices']) == [0, 1]
