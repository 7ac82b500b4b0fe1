"""The jobs that wait: whose turn it is, and how many there may be.

Users take turns, one job each, so that one person's hundred jobs do not hold up another's one. Everybody's own jobs wait in the order they
came in, until she changes it. Knows ids and users. Does not know what a job is.
"""

from itertools import chain, zip_longest

from studio.errors import NotFound, QueueFull

EACH = 100  # jobs of one user that may wait
MOST = 1000  # jobs that may wait in all


class Waiting:
    """The order of the jobs that wait.

    Args:
        each, most: how many jobs of one user, and of all users, may wait.
        owner: the user whose jobs go before everybody's; None where there is none.
    """

    def __init__(self, each: int = EACH, most: int = MOST, owner: str | None = None):
        self._each, self._most, self._owner = each, most, owner
        self._lines: dict[str, list[str]] = {}  # user -> her jobs; the users in the order of their turns

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __contains__(self, job: str) -> bool:
        return any(job in line for line in self._lines.values())

    def check(self, user: str) -> None:
        """Raise QueueFull when no further job of this user may wait."""
        mine = len(self._lines.get(user, ()))
        if mine >= self._each:
            raise QueueFull(f"{mine} of your jobs wait already, which is as many as may. Try again when one has ended.")
        if len(self) >= self._most:
            raise QueueFull(f"{len(self)} jobs wait already, which is as many as may. Try again when some have ended.")

    def add(self, job: str, user: str) -> None:
        self._lines.setdefault(user, []).append(job)

    def take(self) -> str:
        """Remove the job whose turn it is and return it. Raises IndexError when none waits."""
        job = self.order()[0]
        user = self._user(job)
        self.remove(job)
        if user in self._lines:
            self._lines[user] = self._lines.pop(user)  # the others come first now
        return job

    def remove(self, job: str) -> None:
        """Take a job out of the line. Raises NotFound when it does not wait."""
        user = self._user(job)
        self._lines[user].remove(job)
        if not self._lines[user]:
            del self._lines[user]

    def move(self, job: str, place: int) -> None:
        """Give a job another place, from 0, among its user's own. Raises NotFound when it does not wait."""
        line = self._lines[self._user(job)]
        line.remove(job)
        line.insert(place, job)

    def order(self) -> list[str]:
        """Return the jobs as they will run, as long as nothing changes."""
        first = self._lines.get(self._owner, []) if self._owner is not None else []
        rounds = zip_longest(*(line for user, line in self._lines.items() if user != self._owner))
        return [*first, *(job for job in chain.from_iterable(rounds) if job is not None)]

    def _user(self, job: str) -> str:
        for user, line in self._lines.items():
            if job in line:
                return user
        raise NotFound(f"Job {job[:40]} does not wait any more.", param="id")
