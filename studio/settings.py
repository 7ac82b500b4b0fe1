"""Settings: what the studio was started with, from the command line, else the environment (`STUDIO_PORT`), else the defaults.

Knows every setting, its bounds and where it came from. Does not know what is made of it.
"""

import argparse
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CATALOGUE = Path(__file__).resolve().parent.parent / "models.yaml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MEMORY = re.compile(r"\d+(\.\d+)? ?[KMGT]i?B", re.IGNORECASE)


def on_space() -> bool:
    """Whether this runs as a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def on_zero_gpu() -> bool:
    """Whether a GPU is lent call by call, which needs the models in the page's process."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


def writable(folder: Path) -> bool:
    """Make the folder, with its parents, and say whether files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def default_host() -> str:
    return "0.0.0.0" if on_space() else "127.0.0.1"


def default_port() -> int:
    return int(os.environ.get("GRADIO_SERVER_PORT", 7860)) if on_space() else 7860


def default_data() -> Path:
    """Return the user's data folder, a Space's `/data`, or a temporary folder where neither can be written."""
    home = Path("/data") if on_space() else user_data_path("studio", appauthor=False)
    if home.is_absolute() and writable(home):
        return home
    return Path(tempfile.gettempdir()) / f"studio-{os.getuid() if hasattr(os, 'getuid') else 'data'}"


class Settings(BaseSettings):
    """Every setting is a flag (`--in-process`) and a variable (`STUDIO_IN_PROCESS`). A list in a variable is separated by blanks.

    Attributes:
        memory: `12GB`, a share of the free memory above 0 up to 1 (`0.8`), or None for most of it.
        preload: ids of models to load at the start.
        auth: lines `NAME:PASSWORD`, those of files included.
        in_process: models live in the page's process instead of a child process.
    """

    model_config = SettingsConfigDict(env_prefix="STUDIO_", env_ignore_empty=True, extra="forbid", validate_default=True)

    host: str = Field(default_factory=default_host, min_length=1, description="address to listen on; 0.0.0.0 lets other machines in")
    port: int = Field(default_factory=default_port, ge=0, le=65535, description="port to listen on; 0 takes any free one")
    share: bool = Field(False, description="open a public link through gradio's tunnel")
    data: Path = Field(default_factory=default_data, description="folder for the gallery and the queue")
    models: Path = Field(CATALOGUE, description="the catalogue of models")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where models run: auto, cpu, cuda or mps")
    memory: str | None = Field(None, description="most memory models may take: 12GB, or a share of what is free: 0.8")
    offline: bool = Field(False, description="never reach for the Hub; use what is on this machine")
    preload: Annotated[list[str], NoDecode] = Field([], description="load these models at the start")
    auth: Annotated[list[str], NoDecode] = Field([], repr=False, description="accounts: NAME:PASSWORD, or a file with one on each line; the first is the owner, whose jobs go first")
    public: bool = Field(default_factory=on_space, description="let everybody in who can reach the address, without an account")
    queue: int = Field(1000, ge=1, description="most jobs that may wait")
    queue_each: int = Field(100, ge=1, description="most jobs of one user that may wait")
    in_process: bool = Field(default_factory=on_zero_gpu, description="run models in the page's own process")

    @field_validator("host")
    @classmethod
    def is_host(cls, host: str) -> str:
        if not re.fullmatch(r"[\w.:-]+", host):
            raise ValueError("must be an address or a name, such as 127.0.0.1 or 0.0.0.0")
        return host

    @field_validator("data")
    @classmethod
    def is_absolute(cls, data: Path) -> Path:
        return data.expanduser().absolute()

    @field_validator("models")
    @classmethod
    def is_file(cls, models: Path) -> Path:
        models = models.expanduser().absolute()
        if models != CATALOGUE and not models.is_file():
            raise ValueError("must be a file, a catalogue like models.yaml")
        return models

    @field_validator("memory")
    @classmethod
    def is_amount(cls, memory: str | None) -> str | None:
        if memory is None or MEMORY.fullmatch(memory):
            return memory
        if not re.fullmatch(r"\d*\.?\d+", memory) or not 0 < float(memory) <= 1:
            raise ValueError("must be an amount with its unit, such as 12GB, or a share of the free memory above 0 up to 1, such as 0.8")
        return memory

    @field_validator("preload", mode="before")
    @classmethod
    def split_names(cls, preload: Any) -> Any:
        return re.split(r"[\s,]+", preload.strip()) if isinstance(preload, str) else preload

    @field_validator("auth", mode="before")
    @classmethod
    def read_accounts(cls, auth: Any) -> list[str]:
        given = auth.split() if isinstance(auth, str) else auth
        return [account for entry in given for account in accounts_of(entry)]

    @property
    def owner(self) -> str | None:
        """The name of the first account; None where there is none."""
        return self.auth[0].partition(":")[0] if self.auth else None

    @property
    def reachable(self) -> bool:
        """Whether other machines can reach the page."""
        return self.share or self.host not in LOOPBACK


def accounts_of(entry: str) -> list[str]:
    """Return the accounts an `--auth` value stands for: itself, or the lines of the file it names. No message repeats a password."""
    file = Path(entry).expanduser()
    lines = file.read_text("utf-8").splitlines() if file.is_file() else [entry]
    accounts = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for account in accounts:
        name, _, password = account.partition(":")
        if not name or not password:
            raise ValueError("must be NAME:PASSWORD, or a file with one such line for each account")
    return accounts


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    """Return the command line: one flag for each setting. A flag that is not given leaves no trace, so that the environment counts."""
    made = Parser(
        prog="app.py",
        description="Studio: images, text, speech, music and faces from one page.",
        epilog="Each of them can also stand in the environment: STUDIO_PORT=8000.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    metavars = {"preload": "ID", "auth": "NAME:PASSWORD", "data": "DIR", "models": "FILE", "memory": "AMOUNT", "queue": "N", "queue_each": "N"}
    for name, field in Settings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        about = (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            made.add_argument(flag, action="store_true", help=about)
        elif field.annotation == list[str]:
            made.add_argument(flag, nargs="+", action="extend", metavar=metavars[name], help=about)
        else:
            made.add_argument(flag, metavar=metavars.get(name, name.upper()), help=about)
    return made


def read(arguments: Sequence[str] | None = None) -> Settings:
    """Return the settings. A bad value ends the program with one line and exit code 2."""
    command = parser()
    known, rest = command.parse_known_args(arguments)
    if rest:
        command.error(unknown(rest[0], ["--" + name.replace("_", "-") for name in Settings.model_fields]))
    given = vars(known)
    try:
        return Settings(**given)
    except ValidationError as error:
        command.error(complaint(error, given))
    except OSError as error:
        command.error(str(error))


def unknown(word: str, flags: list[str]) -> str:
    """Say that there is no such flag, and which comes nearest."""
    near = get_close_matches(word.partition("=")[0], flags, 1)
    return f"there is no option {word}" + (f"; did you mean {near[0]}?" if near else "; --help lists them all")


def complaint(error: ValidationError, given: Mapping[str, Any]) -> str:
    """Say in one line which value is wrong, where it came from and what it should be."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    source = "--" + name.replace("_", "-") if name in given else f"STUDIO_{name.upper()}"
    value = "" if name == "auth" else f" {first['input']}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{source}{value}: {reason[0].lower()}{reason[1:]}"
