"""What the README says, held against the project."""

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def tracked() -> set[str]:
    answer = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {line for line in answer.stdout.splitlines() if (ROOT / line).exists()}


def tree() -> dict[str, str]:
    """The annotated file tree: path -> what it says."""
    block = re.search(r"<!-- tree -->\n```\n(.*?)```", README, re.DOTALL)[1]
    found, folders = {}, []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, note = line.strip().partition("  ")
        folders[depth:] = [name]
        found["".join(folders)] = note.strip()
    return found


def test_the_tree_names_what_is_there_and_says_what_it_is():
    files = tracked()
    for path, note in tree().items():
        there = any(name.startswith(path) for name in files) if path.endswith("/") else path in files
        assert there, f"{path} is in the README's tree but not in the project"
        assert note, f"{path} has no note"


def test_no_module_is_missing_from_the_tree():
    modules = {
        path
        for path in tracked()
        if re.fullmatch(r"(studio/(engines/|tabs/|api/|starters/)?[a-z]\w*\.py|app\.py|benchmarks/[a-z]\w*\.py)", path)
    }
    assert modules - set(tree()) == set()


def test_the_front_matter_makes_the_folder_a_space():
    front = yaml.safe_load(README.split("---")[1])
    assert (front["sdk"], front["app_file"], front["license"]) == ("gradio", "app.py", "apache-2.0")
    floor = re.search(r"^gradio>=([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert str(front["sdk_version"]) >= floor
    assert len(front["short_description"]) <= 60


def test_the_table_of_models_is_the_catalogue():
    table = re.search(r"<!-- catalogue -->\n(.*?)\n\n", README, re.DOTALL)[1]
    rows = [row.split("|")[1].strip().strip("`") for row in table.splitlines()[2:]]
    entries = yaml.safe_load((ROOT / "models.yaml").read_text())
    assert rows == list(entries)
    for line, entry in zip(table.splitlines()[2:], entries.values(), strict=True):
        gated = ", gated" if entry.get("gated") else ""
        closed = "" if entry.get("commercial", True) else ", not for commercial use"
        assert line.endswith(f"| {entry['engine']} | {entry['license']}{gated}{closed} |") and entry["description"] in line, line


def test_every_link_and_picture_is_there():
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_setting_is_explained():
    from studio.settings import Settings

    for name in Settings.model_fields:
        assert f"`--{name.replace('_', '-')}" in README, name


def test_the_ci_runs_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- test -->" in script and "<!-- test -->\n```" in README
