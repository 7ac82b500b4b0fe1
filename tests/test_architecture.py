"""The arrows between the modules, and what each may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "studio").rglob("*.py"))
ORDER = (
    {"studio.types", "studio.errors", "studio.checking"},
    {"studio.engines", "studio.notes", "studio.synthesizer", "studio.sentences", "studio.hub", "studio.repository",
     "studio.download", "studio.cache", "studio.origins", "studio.sources", "studio.weights", "studio.media", "studio.settings",
     "studio.devices", "studio.database", "studio.waiting"},
    {"studio.registry", "studio.fit", "studio.choices", "studio.pictures", "studio.gallery", "studio.agreements"},
    {"studio.inputs", "studio.pace"},
    {"studio.memory", "studio.storage"},
    {"studio.worker"},
    {"studio.worker_process", "studio.jobs"},
    {"studio.studio"},
    {"studio.tabs", "studio.api", "studio.access"},
    {"studio.ui", "studio.server"},
)  # fmt: skip
HEAVY = {"torch", "diffusers", "transformers", "accelerate", "peft", "torchvision"}


def level(module: str) -> int | None:
    for number, names in enumerate(ORDER):
        if any(module == name or module.startswith(name + ".") for name in names):
            return number
    return None


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" if node.module == "studio" else node.module for alias in node.names}
    return found


def unless(*prefixes: str) -> list[Path]:
    """Return the modules whose names begin with none of these."""
    return [path for path in FILES if not name_of(path).startswith(prefixes)]


@pytest.mark.parametrize("path", [path for path in FILES if level(name_of(path)) is not None], ids=name_of)
def test_imports_follow_the_order(path):
    own = level(name_of(path))
    wrong = [module for module in imports(path) if (other := level(module)) is not None and other > own]
    assert not wrong, f"{name_of(path)} imports {wrong}, which stand above it"


# Recipes and networks are imported inside `load` or by a training run.
@pytest.mark.parametrize("path", unless("studio.starters.", "studio.engines._"), ids=name_of)
def test_heavy_libraries_stay_inside_functions_of_engines(path):
    assert not {name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY


@pytest.mark.parametrize("path", unless("studio.tabs", "studio.ui", "studio.server", "studio.access"), ids=name_of)
def test_gradio_stays_in_the_page(path):
    assert "gradio" not in {name.split(".")[0] for name in imports(path)}


def test_only_hub_speaks_to_the_hub():
    users = [name_of(path) for path in FILES if "huggingface_hub" in {name.split(".")[0] for name in imports(path)}]
    assert set(users) == {"studio.hub", "studio.repository", "studio.download", "studio.origins"}


def test_the_page_process_imports_no_torch():
    code = "import sys, studio.studio, studio.registry as r; [r.engine_class(n) for n in r.engine_names()]; "
    code += "print([m for m in sys.modules if m in %r])"
    answer = subprocess.run([sys.executable, "-c", code % (HEAVY,)], capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]", answer.stdout + answer.stderr


def test_each_module_says_what_it_knows():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{name_of(path)} has no docstring"
