"""A toy training through MMEngine's Runner, started by test_compat_ddp.py; not a test itself."""
import sys

import torch
from mmengine.dist import get_rank
from mmengine.model import BaseModel
from mmengine.runner import Runner

import udapose  # noqa: F401


class Line(BaseModel):
    """y = w x + b with the squared error; one number per sample."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        torch.nn.init.constant_(self.layer.weight, 0.5)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, x, y, mode='loss'):
        error = self.layer(x.float()[:, None])[:, 0] - y.float()
        return dict(loss=error.square().mean())


class Points(torch.utils.data.Dataset):
    """x = 0, 0.1, .. and y = 2 x + 1."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return dict(x=index / 10, y=2 * index / 10 + 1)


def main(work_dir):
    runner = Runner(
        model=Line(), work_dir=work_dir, launcher='pytorch',
        # MMEngine's default, which a CPU cannot do: compat must replace it.
        env_cfg=dict(dist_cfg=dict(backend='nccl')),
        train_dataloader=dict(batch_size=2, num_workers=0, dataset=Points(),
                              collate_fn=dict(type='default_collate'),
                              sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=None), log_level='ERROR')
    runner.train()
    torch.save(runner.model.module.state_dict(), f'{work_dir}/rank{get_rank()}.pth')


if __name__ == '__main__':
    main(sys.argv[1])
