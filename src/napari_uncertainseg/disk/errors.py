"""Why a file could not be written, in words that say what to do."""

from __future__ import annotations

import errno

_ADVICE = {
    "free some space or choose another folder": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "the disk or the network share does not answer, try again or choose another folder": (
        errno.EIO,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ETIMEDOUT,
        errno.ENODEV,
        errno.ENXIO,
    ),
    "choose a shorter name": (errno.ENAMETOOLONG,),
}


def why_not(error: OSError) -> str:
    """What an error says in brackets, and after it what to do, such as ``(No space left); free ...``."""
    known = (text for text, numbers in _ADVICE.items() if error.errno in numbers)
    return f"({error.strerror or error}); {next(known, 'choose another folder')}"
