"""Makes a runtime from ``package.module:factory``."""

import importlib

from harness.errors import ConfigError, HarnessError
from harness.runtimes.base import Runtime, one_line


def make_runtime(factory: str) -> Runtime:
    """Import the module and call the factory, without arguments.

    Raises ConfigError when there is no such module or name, or when either of them raises.
    """
    module, _, name = factory.partition(":")
    try:
        runtime: Runtime = getattr(importlib.import_module(module), name)()
    except HarnessError:
        raise
    except Exception as error:  # the module is the user's, and importing it runs their code
        raise ConfigError(
            f"[runtime] factory {factory!r} cannot be made: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    return runtime
