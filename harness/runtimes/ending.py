"""How a process ended and on what, in words."""

import signal

from harness.answer import Request

_SHOWN_CHARACTERS = 40
_MEANING = {
    "SIGSEGV": "segmentation fault",
    "SIGKILL": "as the out-of-memory killer does",
    "SIGABRT": "abort",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction",
    "SIGBUS": "bus error: a mapped file that became shorter, or a full disk",
}


def describe_exit(returncode: int) -> str:
    """What an exit status of `subprocess` means: negative is a signal."""
    if returncode >= 0:
        code = f" ({returncode:#x})" if returncode > 255 else ""  # a Windows exception
        return f"ended with exit status {returncode}{code}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        return f"died of signal {-returncode}"
    meaning = _MEANING.get(name)
    return f"died of {name} ({meaning})" if meaning else f"died of {name}"


def describe_request(request: Request) -> str:
    """Its kind, its length and how it begins, in one line of plain characters."""
    if request.token_ids is not None:
        begin = ", ".join(map(str, request.token_ids[:8]))
        scored = f", scored with {len(request.continuations)} continuations"
        beside = scored if request.continuations else ""
        return f"{len(request.token_ids)} token ids{beside}: {begin}"
    if request.messages is not None:
        text = request.messages[-1][1] if request.messages else ""
        length = sum(len(content) for _, content in request.messages)
        return f"chat of {length} characters: {text[:_SHOWN_CHARACTERS]!a}"
    text = request.text or ""
    return f"text of {len(text)} characters: {text[:_SHOWN_CHARACTERS]!a}"
