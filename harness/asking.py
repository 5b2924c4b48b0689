"""How a bank is written and how it is asked: the words that a release file has for it."""

from enum import StrEnum


class Format(StrEnum):
    """Whose fields the rows of a bank have; see `harness.banks`."""

    GATE = "gate"
    ARC = "arc"
    OPENBOOKQA = "openbookqa"
    BOOLQ = "boolq"
    HELLASWAG = "hellaswag"
    PIQA = "piqa"
    LAMBADA = "lambada"
    GSM8K = "gsm8k"


class Ask(StrEnum):
    """How a model is asked which of some choices is right."""

    LIKELIHOOD = "likelihood"  # the likeliest text; the chat does not list the choices
    LETTER = "letter"  # the chat lists them as A., B. and so on; the likeliest letter
    TEXT = "text"  # the chat lists them, the model answers, and names one by letter or text


class Normalize(StrEnum):
    """By what the log-likelihood of a choice is divided before choices are compared."""

    BYTE = "byte"  # of its text in UTF-8: `acc_bytes` of lm-evaluation-harness
    CHARACTER = "character"  # `acc_norm` of lm-evaluation-harness
    TOKEN = "token"
    NONE = "none"  # `acc` of lm-evaluation-harness
