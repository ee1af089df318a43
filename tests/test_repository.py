"""Rules that hold for every file: encodings are stated, cited pages exist."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for part in ('projects/udapose', 'tools') for p in (ROOT / part).rglob('*.py'))
CITING = sorted(p for part in ('projects/udapose', 'tools', 'tests', 'configs', 'docs')
                for p in (ROOT / part).rglob('*') if p.suffix in ('.py', '.md'))


def unstated(source):
    """Lines that open a text file in the locale's encoding."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(k.arg == 'encoding' for k in node.keywords):
            continue
        name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
        owner = ast.unparse(node.func)
        if name == 'read_text' and not node.args and not node.keywords or name == 'write_text' \
                or name == 'read_text' and any(k.arg == 'errors' for k in node.keywords):
            yield node.lineno, owner
        elif name == 'open' and owner not in ('Image.open', 'os.open', 'av.open'):
            modes = [a.value for a in (*node.args, *(k.value for k in node.keywords))
                     if isinstance(a, ast.Constant) and isinstance(a.value, str)
                     and re.fullmatch('[rwaxbt+]{1,3}', a.value)]
            if not any('b' in mode for mode in modes):
                yield node.lineno, owner


def test_the_check_itself():
    bad = ['open(p)', "open(p, 'w')", 'p.read_text()', 'p.write_text(x)', "p.open('w')",
           "p.read_text(errors='replace')"]
    good = ["open(p, 'rb')", "open(p, encoding='utf-8')", "p.read_text(encoding='utf-8')",
            "p.write_text(x, encoding='utf-8')", 'Image.open(p)', "p.open('wb')",
            "metadata.distribution(a).read_text('top_level.txt')"]
    assert [list(unstated(code)) == [] for code in bad + good] == [False] * 6 + [True] * 7


def test_no_text_file_is_read_or_written_by_the_locale():
    found = [f'{path.relative_to(ROOT)}:{line}: {call}' for path in SOURCES
             for line, call in unstated(path.read_text(encoding='utf-8'))]
    assert len(SOURCES) > 150 and not found, '\n'.join(found)


@pytest.mark.parametrize('pattern,folder', [
    (r'\bdocs/([\w/-]+\.md)\b', 'docs'), (r'(?<![\w/.-])([A-Z]{3,}\.md)\b', '')])
def test_cited_pages_are_in_the_repository(pattern, folder):
    cited = {(name, path.relative_to(ROOT)) for path in CITING
             for name in re.findall(pattern, path.read_text(encoding='utf-8'))}
    own = {'README.md', 'OUT.md'}  # OUT: a tool's argument
    missing = sorted(f'{path} cites {name}' for name, path in cited if name not in own
                     and not (ROOT / folder / name).exists())
    assert cited and not missing, '\n'.join(missing)


def test_every_fix_of_compat_is_on_the_installation_page():
    code = ''.join(path.read_text(encoding='utf-8')
                   for path in (ROOT / 'projects/udapose/compat').glob('*.py'))
    names = {*re.findall(r"\brecord\('([^']+)'", code), *re.findall(r"^NAME = '(.+)'", code, re.M)}
    page = (ROOT / 'docs/install.md').read_text(encoding='utf-8')
    rows = ''.join(line.split('|')[1] for line in page.splitlines() if line.startswith('| `'))
    assert len(names) > 8 and not [name for name in sorted(names) if f'`{name}`' not in rows]
