"""The exceptions of the gate, each with the exit status that it leads to.

    HarnessError
    ├── ConfigError            4   what the user wrote cannot be used (pytest's usage error)
    ├── InfrastructureError    6   this machine cannot do it: disk, dependency, versions, provider
    │   └── BuildError         6   a variant was not built, so there is nothing to judge
    ├── ModelError             1   the variant itself did wrong: evidence against it
    │   ├── LoadError              its files cannot be loaded
    │   ├── RequestError           it refused a request with an error of its runtime
    │   ├── CrashError             its process died of a signal
    │   └── HangError              it did not answer within its deadline
    └── PublishError           7   Foundry Local refused the package that was to be published

A message is one line: what was found, what was expected, what to do.
"""


class HarnessError(Exception):
    """Base of everything that the gate raises on purpose."""

    exit_status = 6


class ConfigError(HarnessError):
    """A mistake in what the user wrote: release file, policy, data, options."""

    exit_status = 4


class InfrastructureError(HarnessError):
    """This machine cannot do what was asked, which says nothing about the model."""

    exit_status = 6


class BuildError(InfrastructureError):
    """A variant could not be built."""


class ModelError(HarnessError):
    """The variant did wrong: a finding against it, never an end of the session.

    `variant` names it once the fleet knows whose runtime it was.
    """

    exit_status = 1
    variant = ""


class LoadError(ModelError):
    """The runtime cannot load the variant's files."""


class RequestError(ModelError):
    """The runtime answered a request with an error."""


class CrashError(ModelError):
    """The variant's process died: by a signal, an abort or the out-of-memory killer."""


class HangError(ModelError):
    """The variant did not answer within its deadline."""


class PublishError(HarnessError):
    """Foundry Local refused the package, or did not give back what was published."""

    exit_status = 7
