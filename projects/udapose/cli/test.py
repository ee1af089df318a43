"""Evaluate with the installed MMPose's own test.py, which gets all arguments.

``python tools/test.py CONFIG CHECKPOINT [--dump FILE] [--cfg-options ...]``
"""
from _mmpose_tool import run_mmpose_tool

if __name__ == '__main__':
    run_mmpose_tool('test.py')
