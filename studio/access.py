"""Who may come in: accounts, their keys for the HTTP interface, and the sessions of browsers.

Knows names, hashed passwords and signatures. Does not know HTTP: guard.py asks it, signin.py shows its door.
"""

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

SESSION_SECONDS = 30 * 24 * 3600
FAILURES = 8  # wrong passwords one name or one address may give ...
FAILURE_SECONDS = 300  # ... in this time
REMEMBERED = 10_000  # names and addresses whose failures are kept


@dataclass(frozen=True)
class Account:
    """`digest` is scrypt(password, salt); `key` is what programs send as `Authorization: Bearer KEY`."""

    name: str
    salt: bytes
    digest: bytes
    key: str


class Accounts:
    """The people who may come in. `secret` signs sessions and makes the keys: with the same secret both outlive a restart."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time):
        self._secret, self._clock = secret, clock
        self._accounts: dict[str, Account] = {}
        self._nobody = self._account("", secrets.token_urlsafe())

    def add(self, name: str, password: str) -> Account:
        """Take a person in. A second password for the same name takes the place of the first."""
        self._accounts[name] = self._account(name, password)
        return self._accounts[name]

    def names(self) -> list[str]:
        return list(self._accounts)

    def key(self, name: str) -> str:
        return self._accounts[name].key

    def matches(self, name: str, password: str) -> bool:
        """Whether this is the password of this name; takes as long for a name that does not exist."""
        account = self._accounts.get(name, self._nobody)
        return hmac.compare_digest(_hash(password, account.salt), account.digest) and account is not self._nobody

    def owner(self, key: str) -> str | None:
        """Return the name a key belongs to, or None."""
        found = None
        for account in self._accounts.values():
            if hmac.compare_digest(key.encode(), account.key.encode()):
                found = account.name
        return found

    def session(self, name: str) -> str:
        """Return a signed ticket for a browser, good for thirty days or until the password changes."""
        body = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=") + f".{int(self._clock()) + SESSION_SECONDS}"
        return f"{body}.{self._signature(body, self._accounts[name])}"

    def holder(self, ticket: str) -> str | None:
        """Return the name a ticket was made for, or None where it is forged, too old or its password was changed."""
        try:
            coded, until, signature = ticket.split(".")
            name = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
            fresh = int(until) > self._clock()
        except ValueError:
            return None
        account = self._accounts.get(name, self._nobody)
        genuine = hmac.compare_digest(signature.encode(), self._signature(f"{coded}.{until}", account).encode())
        return name if genuine and fresh and account is not self._nobody else None

    def _account(self, name: str, password: str) -> Account:
        salt = os.urandom(16)
        return Account(name, salt, _hash(password, salt), "sk-" + self._sign(f"key\n{name}\n{password}")[:48])

    def _signature(self, body: str, account: Account) -> str:
        return self._sign(f"session\n{body}\n{account.key}")

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def _hash(password: str, salt: bytes) -> bytes:
    """Return scrypt with the parameters OWASP names for interactive sign-in at 16 MB: N 2^14, r 8, p 5."""
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=5)


@dataclass
class Attempts:
    """Wrong passwords of late, by name and by address."""

    clock: Callable[[], float] = time.monotonic
    _failures: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)

    def wait(self, *sources: str) -> int:
        """Return the seconds until another attempt is allowed: 0 where it is allowed now."""
        now = self.clock()
        waits = [0.0]
        for source in sources:
            recent = [moment for moment in self._failures.get(source, []) if moment > now - FAILURE_SECONDS]
            if len(recent) >= FAILURES:
                waits.append(recent[-FAILURES] + FAILURE_SECONDS - now)
        return -int(-max(waits) // 1)

    def failed(self, *sources: str) -> None:
        for source in sources:
            self._failures[source] = [*self._failures.pop(source, [])[1 - FAILURES :], self.clock()]
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, *sources: str) -> None:
        for source in sources:
            self._failures.pop(source, None)


def kept_secret(folder: Path) -> bytes:
    """Return the secret that lies in the folder, readable by its owner alone; made at the first call.

    Where the folder cannot be written it is made anew at every start, and everybody signs in again.
    """
    file = folder / "secret"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = file.read_bytes()
        return kept if len(kept) >= 32 else _renewed(file)
    except OSError:
        return os.urandom(32)
    with os.fdopen(handle, "wb") as made:
        made.write(os.urandom(32))
    return file.read_bytes()


def _renewed(file: Path) -> bytes:
    """Put a whole secret in the place of one that was cut short."""
    file.unlink()
    return kept_secret(file.parent)


def from_lines(lines: Iterable[str], secret: bytes) -> Accounts:
    """Return the accounts of `NAME:PASSWORD` lines."""
    accounts = Accounts(secret)
    for line in lines:
        name, _, password = line.partition(":")
        accounts.add(name, password)
    return accounts
