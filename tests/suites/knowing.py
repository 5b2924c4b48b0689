"""Runtimes that know the travel bank, each wrong in its own way where it is not the reference."""

import json
from dataclasses import replace
from pathlib import Path

from harness.answer import Answer, Request
from harness.runtimes.scripted import Scripted

BANK = Path(__file__).parents[2] / "fixtures" / "travel" / "eval.jsonl"


class Knowing(Scripted):
    """Answers as the bank expects, but for each `each`th answer that `is_struck`."""

    each = 0

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.is_damaged = directory.name != "fp32"
        rows = [json.loads(line) for line in BANK.read_text(encoding="utf-8").splitlines()]
        self.known = {self.asked(row["messages"]): row for row in rows}
        self.count = 0

    def asked(self, messages) -> str:
        pairs = [(it["role"], it["content"]) if isinstance(it, dict) else it for it in messages]
        return json.dumps([list(pair) for pair in pairs])

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        row = self.known.get(self.asked(request.messages or ()))
        if row is None:
            return found
        text = row["expected"]
        if self.is_damaged and self.each and self.is_struck(row):
            self.count += 1
            if self.count % self.each == 0:
                text = self.spoilt(text)
        return replace(found, text=text)

    def is_struck(self, row) -> bool:
        return True

    def spoilt(self, text: str) -> str:
        return "no"


class WrongInHours(Knowing):
    each = 10

    def is_struck(self, row) -> bool:
        return row["slice"] == "hours"


class WrongerInRefusals(Knowing):
    each = 5

    def is_struck(self, row) -> bool:
        return row["slice"] == "refusal"


class TrailingComma(Knowing):
    each = 25

    def is_struck(self, row) -> bool:
        return row["scorer"] == "json"

    def spoilt(self, text: str) -> str:
        return f"{text[:-1]},}}"


class MoreCommas(TrailingComma):
    each = 10


class Cut(Knowing):
    each = 50

    def spoilt(self, text: str) -> str:
        return text[: len(text) // 2]


class CutOften(Cut):
    each = 10


class Rambling(Knowing):
    """Says what is right, at three times the length."""

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        return replace(found, token_ids=(3 if self.is_damaged else 1) * found.token_ids)
