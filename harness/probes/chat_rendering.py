"""Renders chat templates as transformers does, in a process that is ended when it does not end.

A template is a program that came with the model: it gets little memory, little time and no way to
anything but the chats.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import InfrastructureError

_SECONDS = 20
_PATIENCE = 6  # times as long by the clock: others may have the processors
_BYTES = 2**30

Chat = Mapping[str, Any]
"""What a template is given: messages, add_generation_prompt, and whatever else."""


def render_chats(
    template: str, chats: Sequence[Chat], tokens: Mapping[str, str], seconds: int = _SECONDS
) -> list[str]:
    """The prompt of each chat, or what the template refuses it with ("refused: ...").

    `tokens` are the named ones that a template may use, as `bos_token`; `seconds` are of processor
    time, so that a busy machine is no fault of the template's. Raises InfrastructureError where
    nothing can be rendered here, whatever the template is.
    """
    asked = {"template": template, "chats": list(chats), "tokens": dict(tokens), "seconds": seconds}
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness.probes.chat_rendering"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            timeout=_PATIENCE * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(
            f"chat templates were not rendered within {_PATIENCE * seconds} s: measure again on a "
            "machine that is less busy"
        ) from error
    if done.returncode == 0:
        return [str(prompt) for prompt in json.loads(done.stdout)]
    if done.returncode > 0 and "MemoryError" not in done.stderr:
        words = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise InfrastructureError(f"chat templates cannot be rendered here: {words}")
    return ["refused: rendering it does not end within the time and memory that it has"] * len(
        chats
    )


def _serve() -> None:
    asked = json.load(sys.stdin)
    _confine(asked["seconds"])
    json.dump(_rendered(asked["template"], asked["chats"], asked["tokens"]), sys.stdout)


def _confine(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: what waits for it ends it
        return
    if sys.platform == "linux":  # macOS refuses it
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _rendered(template: str, chats: list[dict[str, Any]], tokens: dict[str, str]) -> list[str]:
    from jinja2 import TemplateError

    try:
        compiled = _environment().from_string(template)
    except TemplateError as error:
        return [f"refused: {error}"] * len(chats)
    found = []
    for chat in chats:
        try:
            found.append(compiled.render(**tokens, **chat))
        except MemoryError:
            found.append("refused: it takes too much memory")
        except Exception as error:  # expressions of the template's author: to raise is to refuse
            found.append(f"refused: {error}")
    return found


def _environment() -> Any:
    """As transformers makes it (`chat_template_utils.py`), but for a clock that stands still."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The tag around what an assistant said, which concerns training alone."""

        tags = {"generation"}  # noqa: RUF012  as jinja2 has it

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def to_json(value: Any, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=False, indent=options.get("indent"))

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    made.filters["tojson"] = to_json
    made.globals.update(raise_exception=refuse, strftime_now=lambda form: "26 Jul 2024")
    return made


if __name__ == "__main__":
    _serve()
