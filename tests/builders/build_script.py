"""Build recipes in this process as the gate does, and print as JSON what came of it.

argv: cache, checkpoint, worker module (or "olive"), recipes as JSON.
"""

import json
import sys
from pathlib import Path

from harness.builders.assemble import build_variants
from harness.builders.olive import OliveBuilder
from harness.builders.olive_worker import recipe_from
from harness.variant import Variant

HEAVY = ("torch", "olive", "transformers", "onnx", "onnxruntime")


def main() -> None:
    cache, source, worker = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    recipes = [recipe_from(fields) for fields in json.loads(sys.argv[4])]
    if worker == "olive":
        built = build_variants(recipes, source, cache, show)
    else:
        built = OliveBuilder(cache, worker=worker).build(recipes, source, show)
    outcome = {
        name: variant.digest if isinstance(variant, Variant) else str(variant)
        for name, variant in built.items()
    }
    imported = [name for name in HEAVY if name in sys.modules]
    print(json.dumps({"outcome": outcome, "imported": imported}))


def show(name: str, stage: str) -> None:
    print(f"{name}: {stage}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
