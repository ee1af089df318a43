"""Masked reconstruction from scratch for hours on one core. No validation: nothing is labelled."""
_base_ = ['./reconstruction_1200it.py']
train_cfg = dict(max_iters=12000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=600),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=600, end=12000, eta_min=1e-5)]
