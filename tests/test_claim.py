"""A data folder belongs to one studio at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from studio.claim import FolderInUse, claim

ROOT = Path(__file__).resolve().parent.parent
HOLD = """
import sys
from pathlib import Path
from studio.claim import claim
with claim(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_studio_is_refused_with_what_to_do(tmp_path, other):
    with pytest.raises(FolderInUse, match=f"{tmp_path}.*--data"), claim(tmp_path):
        pass


def test_a_killed_studio_holds_nothing(tmp_path, other):
    other.kill()
    other.wait()
    with claim(tmp_path):
        assert (tmp_path / ".studio.lock").exists()


def test_it_is_free_again_after_its_end_and_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), claim(tmp_path):
        raise KeyboardInterrupt
    with claim(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_left_to_the_studio(tmp_path):
    (tmp_path / "file").write_text("")
    with claim(tmp_path / "file" / "data"):
        pass
