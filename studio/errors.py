"""What can go wrong, in words for the person who asked.

A `StudioError` is shown as written: it says what, which value, and what to do. Anything else that is raised is a defect
of the studio and is shown as one short sentence, with the details in the log.
"""


class StudioError(Exception):
    """Something the user can understand and act upon.

    Attributes:
        code: a short name for programs, such as `model_not_found`.
        status: the HTTP status the interface answers with.
        param: the field of the request at fault, if one is.
    """

    code = "failed"
    status = 400

    def __init__(self, message: str, param: str | None = None):
        super().__init__(message)
        self.param = param

    def __reduce__(self):
        return type(self), (str(self), self.param)


class BadRequest(StudioError):
    """A field of the request is missing, of the wrong type or out of range."""

    code = "invalid_value"


class TooLarge(StudioError):
    """A file or a body has more bytes than are taken."""

    code = "too_large"
    status = 413


class QueueFull(StudioError):
    """As many jobs wait as may.

    Attributes:
        retry_after: s after which to ask again, by the pace of the queue.
    """

    code = "queue_full"
    status = 429
    retry_after = 30


class NotFound(StudioError):
    """No model, job, record or file has this name."""

    code = "not_found"
    status = 404


class BadCatalogue(StudioError):
    """models.yaml cannot be read as a catalogue."""

    code = "bad_catalogue"


class ModelUnavailable(StudioError):
    """The model's files are missing, damaged, unsafe, gated, or cannot be fetched."""

    code = "model_unavailable"
    status = 409


class Forbidden(StudioError):
    """This studio does not let anybody do that."""

    code = "forbidden"
    status = 403


class AgreementRequired(StudioError):
    """Nobody has agreed yet to the model's terms, or on the page to its first download."""

    code = "agreement_required"
    status = 409


class OutOfMemory(StudioError):
    """The model does not fit the memory budget, or the device ran out of memory."""

    code = "out_of_memory"
    status = 409


class GenerationFailed(StudioError):
    """The model ran and failed, or its result cannot be used."""

    code = "generation_failed"
    status = 409


class WorkerDied(StudioError):
    """The process that held the model ended in the middle of the job."""

    code = "worker_died"
    status = 409


class Stopped(StudioError):
    """The job was stopped by the user."""

    code = "cancelled"
    status = 409
