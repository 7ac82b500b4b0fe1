import os
from pathlib import Path

import pytest

from studio import settings
from studio.settings import Settings, read


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(("STUDIO_", "SPACE", "GRADIO_SERVER"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        read(list(arguments))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_the_defaults():
    found = read([])
    assert (found.host, found.port, found.device, found.memory) == ("127.0.0.1", 7860, "auto", None)
    assert not (found.share or found.offline or found.public or found.in_process or found.reachable)
    assert found.models.name == "models.yaml" and found.models.parent == Path(settings.__file__).parent.parent
    assert found.data.is_absolute()


def test_every_setting_is_a_flag_and_a_variable(monkeypatch, tmp_path):
    (tmp_path / "mine.yaml").write_text("")
    values = {
        "host": "0.0.0.0", "port": "8000", "data": str(tmp_path / "x"), "models": str(tmp_path / "mine.yaml"), "device": "cpu",
        "memory": "12GB", "preload": "a", "auth": "ann:pw", "queue": "5", "queue_each": "2",
    }  # fmt: skip
    switches = {"share", "offline", "public", "in_process"}
    assert set(values) | switches == set(Settings.model_fields)
    by_flag = read(
        [
            *(word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", value)),
            *("--" + name.replace("_", "-") for name in switches),
        ]
    )
    for name, value in {**values, **dict.fromkeys(switches, "1")}.items():
        monkeypatch.setenv(f"STUDIO_{name.upper()}", value)
    assert read([]) == by_flag


def test_a_flag_outdoes_a_variable(monkeypatch):
    monkeypatch.setenv("STUDIO_PORT", "1")
    assert read(["--port", "2"]).port == 2


def test_an_empty_variable_counts_as_none(monkeypatch):
    monkeypatch.setenv("STUDIO_PORT", "")
    assert read([]).port == 7860


def test_lists_can_be_repeated_or_follow_each_other(monkeypatch):
    assert read(["--preload", "a", "b", "--preload", "c"]).preload == ["a", "b", "c"]
    monkeypatch.setenv("STUDIO_PRELOAD", "a, b  c")
    assert read([]).preload == ["a", "b", "c"]


def test_accounts_come_from_the_command_line_and_from_files(tmp_path):
    file = tmp_path / "people"
    file.write_text("# the family\nann:a:b\n\n bob:c \n")
    assert read(["--auth", "eve:x", str(file)]).auth == ["eve:x", "ann:a:b", "bob:c"]


@pytest.mark.parametrize("memory", ["12GB", "12 gb", "0.8", ".5", "1", "512MiB"])
def test_amounts_of_memory(memory):
    assert read(["--memory", memory]).memory == memory


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "abc"], ["--port abc"]),
        (["--port", "70000"], ["--port 70000", "65535"]),
        (["--port"], ["--port"]),
        (["--prot", "1"], ["--prot", "--port"]),
        (["stray"], ["stray"]),
        (["--device", "gpu"], ["--device gpu", "cuda"]),
        (["--memory", "12"], ["--memory 12", "12GB"]),
        (["--memory", "lots"], ["--memory lots"]),
        (["--memory", "0"], ["--memory 0"]),
        (["--host", "a b"], ["--host a b"]),
        (["--models", "/nowhere.yaml"], ["--models /nowhere.yaml", "file"]),
    ],
)
def test_a_bad_value_is_named_in_one_line(capsys, arguments, words):
    said = refused(capsys, *arguments)
    assert all(word in said for word in words)


def test_a_bad_variable_is_named_as_one(capsys, monkeypatch):
    monkeypatch.setenv("STUDIO_SHARE", "maybe")
    assert "STUDIO_SHARE maybe" in refused(capsys)


def test_no_message_and_no_print_repeats_a_password(capsys):
    assert "hush" not in refused(capsys, "--auth", ":hush")
    assert "hush" not in repr(read(["--auth", "ann:hush"]))


def test_help_lists_every_setting(capsys):
    with pytest.raises(SystemExit) as ended:
        read(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all("--" + name.replace("_", "-") in said for name in Settings.model_fields)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::"])
def test_what_others_can_reach(host):
    assert read(["--host", host]).reachable
    assert read(["--share"]).reachable


def test_a_space_is_open_on_its_port(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7861")
    found = read([])
    assert (found.host, found.port, found.public, found.in_process) == ("0.0.0.0", 7861, True, False)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert read([]).in_process


@pytest.mark.parametrize("home", ["", "/proc/nowhere", None])
def test_without_a_home_the_data_goes_to_a_temporary_folder(monkeypatch, home):
    monkeypatch.delenv("STUDIO_DATA")
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    monkeypatch.setattr(settings, "writable", lambda folder, real=settings.writable: folder != Path("/data") and real(folder))
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", home)
    assert read([]).data.name.startswith("studio-")
    monkeypatch.delenv("SPACE_ID")
    assert read([]).data.is_absolute()
