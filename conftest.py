"""Makes this folder's pytest the release gate."""

pytest_plugins = [
    "harness.plugins.options",
    "harness.plugins.variants",
    "harness.plugins.measure",
    "harness.plugins.plan",
    "harness.plugins.benchmarks",
    "harness.plugins.gate",
]
