"""As `td-hm_res101.py`, but images are scaled to [0, 1] and only the synthetic animals' mean is
subtracted: the published animal benchmarks do not divide by a standard deviation."""
_base_ = ['./td-hm_res101.py']
model = dict(data_preprocessor=dict(
    mean=[101.97, 99.68, 98.71],  # 255 * (0.3999, 0.3909, 0.3871)
    std=[255., 255., 255.]))
