"""Pose estimators."""
from .mean_teacher import MeanTeacherPoseEstimator

__all__ = ['MeanTeacherPoseEstimator']
