"""Pose estimators."""
from .attention_regularized import AttentionRegularizedPoseEstimator
from .mean_teacher import MeanTeacherPoseEstimator

__all__ = ['AttentionRegularizedPoseEstimator', 'MeanTeacherPoseEstimator']
