"""The quickstart in its two-minute version, as a user calls it."""
import json
import subprocess
import sys

import cv2


def test_smoke(repository, tmp_path):
    command = [sys.executable, 'tools/quickstart.py', '--smoke', '--oracle', '--seed', '3',
               '--out', str(tmp_path)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    results = json.loads((tmp_path / 'results.json').read_text())
    for method in ('source_only', 'adapted', 'oracle'):
        for domain in ('source', 'target'):
            assert 0 <= results[method][domain]['PCK@0.05'] <= results[method][domain]['PCK@0.1']
            assert results[method][domain]['PCK@0.1'] <= 100
    assert results['seed'] == 3 and results['iterations']['adapted'] == 40
    assert {'data', 'source', 'adaptation', 'evaluation', 'total'} == set(results['seconds'])
    assert 'PCK@0.05' in (tmp_path / 'table.txt').read_text()
    for name in ('contact_sheet', 'before_after', 'curves'):
        image = cv2.imread(str(tmp_path / f'{name}.png'))
        assert image is not None and image.std() > 10, name

    from mmpose.apis import inference_topdown, init_model
    model = init_model(str(tmp_path / 'adapted_model/config.py'),
                       str(tmp_path / 'adapted_model/model.pth'), device='cpu')
    photo = next((tmp_path / 'data/target/images/test').glob('*.jpg'))
    assert inference_topdown(model, str(photo))[0].pred_instances.keypoints.shape == (1, 22, 2)

    # calling it again resumes at what is finished and gives the same numbers
    again = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert again.returncode == 0, (again.stdout + again.stderr)[-3000:]
    repeated = json.loads((tmp_path / 'results.json').read_text())
    for key in ('source_only', 'adapted', 'oracle', 'gap_closed'):
        assert repeated[key] == results[key]
