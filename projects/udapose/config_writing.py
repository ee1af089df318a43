"""Writing configs so that they mean what they did."""
from __future__ import annotations

import copy
import pprint
from pathlib import Path

from mmengine.config import Config

_MARK = '__udapose_numbered_{}__'


def write_config(cfg: Config, path: str | Path) -> None:
    """Write a config as ``Config.dump`` does, but keep the order of dictionaries with numbers.

    MMEngine sorts keys as text, 0, 1, 10, 11, ..., and MMPose takes the joints' flip partners and
    colours in the order in which they are listed (see :mod:`udapose.compat.joint_order`).

    Args:
        cfg (Config): The config; not changed.
        path (str | Path): File to write.
    """
    numbered: list[dict] = []

    def marked(node):
        if isinstance(node, dict):
            if len(node) > 1 and all(isinstance(key, int) for key in node):
                numbered.append({key: node[key] for key in sorted(node)})
                return _MARK.format(len(numbered) - 1)
            return {key: marked(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(marked(value) for value in node)
        return node
    content = marked(copy.deepcopy(cfg.to_dict()))
    if not numbered:
        cfg.dump(str(path))
        return
    text = Config(content).pretty_text
    for index, values in enumerate(numbered):
        shown = pprint.pformat(values, width=96, sort_dicts=False)
        text = text.replace(repr(_MARK.format(index)), shown)
    Path(path).write_text(text, encoding='utf-8')
