"""What is asked of a variant, counted, and the seconds that it takes at rates measured before."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Work:
    """Sums over requests of one variant.

    `starts` are new processes that load the model, `reloads` loads in a running one. `squares` are
    of each prompt's tokens, for attention grows so, and `attended` the tokens that decode steps
    look back on. `scored` positions have their logits handed over and compared.
    """

    starts: float = 0.0
    reloads: float = 0.0
    requests: float = 0.0
    prompt_tokens: float = 0.0
    squares: float = 0.0
    new_tokens: float = 0.0
    attended: float = 0.0
    scored: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, it) + getattr(other, it) for it in _NAMES))

    def __mul__(self, times: float) -> "Work":
        return Work(*(getattr(self, it) * times for it in _NAMES))


_NAMES = tuple(it.name for it in fields(Work))

START = Work(starts=1)
RELOAD = Work(reloads=1)


def asked(prompt: float, new: float = 0.0, scored: float = 0.0, kept: float = 0.0) -> Work:
    """One request: a prompt of so many tokens, of which the first `kept` are known already, and so
    many that are generated after it.
    """
    return Work(
        requests=1,
        prompt_tokens=prompt - kept,
        squares=prompt**2 - kept**2,
        new_tokens=new,
        attended=new * (prompt + new / 2),
        scored=scored,
    )


def generated(prompt: float) -> Work:
    """One token after a prompt of so many."""
    return Work(new_tokens=1, attended=prompt)


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds that each unit of `Work` takes of one variant here, one request at a time."""

    starts: float
    reloads: float
    requests: float
    prompt_tokens: float
    squares: float
    new_tokens: float
    attended: float
    scored: float

    def seconds(self, work: Work) -> float:
        """What the work takes."""
        return float(sum(getattr(self, it) * getattr(work, it) for it in _NAMES))

    def slower(self, times: float) -> "Rates":
        """Those of an engine that takes so many times as long to compute."""
        computed = ("prompt_tokens", "squares", "new_tokens", "attended")
        return replace(self, **{it: getattr(self, it) * times for it in computed})
