"""A small plain model in files."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from udapose.export import export

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture(scope='session')
def synth_like_model(tmp_path_factory):
    """Config and checkpoint of a plain ResNet-18 with 22 joints, narrow, random weights."""
    init_default_scope('mmpose')
    cfg = Config.fromfile(CONFIGS / 'source_only/source-only_synth-people_res18-w32_64x64.py')
    cfg.model.backbone.update(base_channels=8, stem_channels=8)
    cfg.model.head.update(in_channels=64, deconv_out_channels=(16, 16, 16, 16))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    for parameter in model.head.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    out = tmp_path_factory.mktemp('plain')
    export(cfg, dict(state_dict=model.state_dict()), out / 'model')
    return out / 'model' / 'config.py', out / 'model' / 'model.pth'
