"""Train with the installed MMPose's own train.py, which gets all arguments.

``python tools/train.py CONFIG [--amp] [--resume] [--cfg-options ...]``
"""
from _mmpose_tool import run_mmpose_tool

if __name__ == '__main__':
    run_mmpose_tool('train.py')
