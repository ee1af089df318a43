"""Runs the Python blocks of one page in this process, which has not imported udapose.

``python doc_process.py PAGE`` in an empty folder. A script (it imports something) runs as it
stands, with the files there that it names. A config must load, its model must build; in a fragment
of a config every ``type`` must be registered and take the arguments it is given.
"""
import ast
import inspect
import json
import re
import sys
from pathlib import Path

from doc_blocks import ROOT, blocks

# What a fragment takes for granted.
STOCK = ("_base_ = ['mmpose::body_2d_keypoint/topdown_heatmap/coco/"
         "td-hm_res50_8xb64-210e_coco-256x192.py']\n")
NAMES = dict(source_pipeline=[], source_metainfo={}, files={}, photos={}, source_val_dataloader={})
# Keys beside a type that MMEngine takes out before it builds.
OF_MMENGINE = {'type', '_delete_', '_scope_', 'constructor', 'priority', 'convert_to_iter_based',
               'paramwise_cfg'}
# Long runs in short: same calls, fewer images.
SHORTER = {
    "data='photos/', out='runs/photos')": "data='photos/', out='runs/photos', iterations=2, "
    "predict='none', cfg_options={'train_dataloader.num_workers': 0, "
    "'train_dataloader.persistent_workers': False})",
    "kind='people', size=128)":
           "kind='people', size=64, source_train=4, target_train=4, val=2, test=2, workers=1)"}
# What a script expects to have been made before, by page.
BEFORE = {'docs/adapt.md': """
import shutil
from pathlib import Path
import cv2, numpy as np
Path('photos').mkdir()
for i in range(8):
    image = np.random.default_rng(i).integers(0, 255, (8, 6, 3), np.uint8)
    cv2.imwrite(f'photos/{i}.jpg', cv2.resize(image, (60, 80)))
shutil.copy('exported/config.py', 'my_config.py')
shutil.copy('exported/model.pth', 'my.pth')
""", 'docs/deployment.md': """
from pathlib import Path
if not Path('exported_simcc').exists():
    sys.path.insert(0, f'{ROOT}/tests/test_deploy')
    from small_models import plain_folder
    from udapose.deploy import export_onnx
    export_onnx(plain_folder('rtmpose', 'exported_simcc'))
    export_onnx('exported')
""", 'docs/masks.md': """
from udapose.datasets import UnlabeledPoseDataset
from udapose.synthetic import generate
generate('data/synthpose/people', size=64, source_train=3, target_train=3, val=2, test=2, workers=1)
dataset = UnlabeledPoseDataset(
    data_root='data/synthpose/people/source/images/train/', pipeline=[],
    metainfo=dict(from_file=f'{ROOT}/configs/_base_/datasets/metainfo/synth_people_source.py'))
"""}


def prepare():
    """Put the files in place that scripts name (in a process of its own, not a page's)."""
    import cv2
    import numpy as np
    from mmengine.config import Config
    config = Config.fromfile(  # imports udapose
        ROOT / 'configs/source_only/source-only_synth-people_res18-w32_64x64.py')
    from mmpose.apis import init_model

    from udapose.export import export
    checkpoint = dict(state_dict=init_model(config, device='cpu').state_dict())
    for folder in ('work_dirs/quickstart/adapted_model', 'exported'):
        export(config, checkpoint, folder)
    cv2.imwrite('photo.jpg', np.random.default_rng(0).integers(0, 255, (96, 80, 3), np.uint8))


def as_script(text, before):
    """Run a script: its own imports come first, then what was made before, then the rest."""
    body = ast.parse(text).body
    scope = {'ROOT': ROOT, 'sys': sys}
    exec(compile(ast.Module(body[:1], []), 'script', 'exec'), scope)
    exec(before, scope)
    exec(compile(ast.Module(body[1:], []), 'script', 'exec'), scope)


def as_config(text):
    """Load a config from its text and build its model."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    path = Path('my_config.py')
    path.write_text(text.replace("'configs/", f"'{ROOT}/configs/"))
    config = Config.fromfile(path)
    assert 'udapose' in sys.modules, 'the config does not import udapose'
    from mmpose.registry import MODELS
    init_default_scope('mmpose')
    MODELS.build(config.model)
    check_types({key: value for key, value in config.to_dict().items() if key != 'model_wrapper'})


def as_fragment(text):
    """Evaluate a part of a config and check all dictionaries with a type in it."""
    import udapose  # noqa: F401  (a config that holds the fragment imports it)
    text = text.replace("'configs/", f"'{ROOT}/configs/")
    tree = ast.parse(text)
    scope = dict(NAMES)
    values = []
    for node in tree.body:
        if isinstance(node, ast.Expr):
            values.append(eval(compile(ast.Expression(node.value), 'block', 'eval'), scope))
        else:
            exec(compile(ast.Module([node], []), 'block', 'exec'), scope)
    del scope['__builtins__']
    assert check_types([scope, values]), 'nothing with a type in it'


def check_types(value):
    """Check every dictionary with a type, however deep; returns how many there were."""
    if isinstance(value, (list, tuple)):
        return sum(map(check_types, value))
    if not isinstance(value, dict):
        return 0
    count = sum(map(check_types, value.values()))
    if isinstance(value.get('type'), str):
        cls = find(value['type'])
        known = parameters(cls)
        unknown = set(value) - OF_MMENGINE - known
        assert not unknown or '**' in known, f'{value["type"]} takes no {sorted(unknown)}'
        count += 1
    return count


def find(name):
    """The class that is registered under this name, in any of MMPose's or MMEngine's registries."""
    import mmengine.registry
    import mmpose.registry
    for module in (mmpose.registry, mmengine.registry):
        for registry in vars(module).values():
            if isinstance(registry, mmengine.registry.Registry):
                if (cls := registry.get(name)) is not None:
                    return cls
    raise AssertionError(f'no registry has {name!r}')


def parameters(cls):
    """Names of the arguments, also those handed on to parents; '**' if anything is taken."""
    names = set()
    for kind in getattr(cls, '__mro__', [cls]):
        if kind is object or '__init__' not in vars(kind) and kind is not cls:
            continue
        found = inspect.signature(kind).parameters.values()
        names |= {p.name for p in found}
        if not any(p.kind == p.VAR_KEYWORD for p in found):
            return names
    return names | {'**'}


def main(page):
    """Run the page's blocks, scripts first: they must work where nothing is imported."""
    assert 'udapose' not in sys.modules and 'mmpose' not in sys.modules
    from mmengine.config import Config
    done = []
    python = [block for block in blocks(page) if block.language == 'python']
    for block in sorted(python, key=lambda block: 'import ' not in block.text):
        text = block.text
        for long, short in SHORTER.items():
            text = text.replace(long, short)
        try:
            if text.startswith('custom_imports') and text.count('\n') == 1:
                Config.fromstring(text, '.py')
                assert 'udapose' in sys.modules
            elif re.search(r'(?<![/\w])_base_(\.| =)', text):
                as_config(text if '_base_ =' in text else STOCK + IMPORT + text)
            elif any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.parse(text).body):
                as_script(text, BEFORE.get(page, ''))
            else:
                as_fragment(text)
        except BaseException as error:
            raise RuntimeError(f'{block.name} failed:\n{block.text}') from error
        done.append(block.number)
    print('\n' + json.dumps(done))


IMPORT = "custom_imports = dict(imports=['udapose'], allow_failed_imports=False)\n"

if __name__ == '__main__':
    if sys.argv[1] == '--prepare':
        prepare()
    else:
        main(sys.argv[1])
