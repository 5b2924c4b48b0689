"""Makes a runtime from ``package.module:factory``."""

import importlib

from harness.errors import ConfigError, HarnessError
from harness.runtimes.base import Runtime, one_line


def make_runtime(factory: str, threads: int = 0) -> Runtime:
    """Import the module and call the factory, without arguments.

    With `threads` a runtime that has `use_threads` is told how many to compute with.
    Raises ConfigError when there is no such module or name, or when either of them raises.
    """
    module, _, name = factory.partition(":")
    try:
        runtime: Runtime = getattr(importlib.import_module(module), name)()
        if threads and hasattr(runtime, "use_threads"):
            runtime.use_threads(threads)
    except HarnessError:
        raise
    except Exception as error:  # the user's module and constructor, which may raise anything
        raise ConfigError(
            f"[runtime] factory {factory!r} cannot be made: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    return runtime
