"""A graph's attention, norms and rotations beside what its source's configuration says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.metrics.compared import Compared
from harness.metrics.model_config import Computation
from harness.metrics.rotary import Cache, Rotation, cache_difference, cache_problems

_CLOSE = 1e-3  # relative; attributes are written in float32
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Attention:
    """One attention node; None for what its operator does not state.

    `scale` is 0 for one over the root of a head's size. `window` is 0 where all tokens are looked
    at. `caches` names what queries are turned by; `is_turned` is None where there is no telling.
    """

    name: str
    heads: int
    kv_heads: int | None = None
    scale: float = 0.0
    window: int | None = None
    softcap: float | None = None
    caches: tuple[str, ...] = ()
    is_turned: bool | None = None
    is_interleaved: bool = False


@dataclass(frozen=True, slots=True)
class Norm:
    """A node that normalizes by root mean square, and the epsilon that it adds."""

    name: str
    epsilon: float


@dataclass(frozen=True, slots=True)
class Graph:
    """What a graph says of its computation; `attentions` by layer, `caches` by name."""

    attentions: tuple[Attention, ...] = ()
    norms: tuple[Norm, ...] = ()
    caches: Mapping[str, Cache] = field(default_factory=dict)
    final_softcap: float = 0.0


def compare_attributes(graph: Graph, source: Computation, context: int) -> Compared:
    """Heads, scale, window and cap of every attention, epsilon of every norm, the final cap.

    `context` is the number of tokens that the package allows: a window that is no shorter is none.
    What a family that is not known here computes otherwise is unknown, not different.
    """
    if len(graph.attentions) != len(source.layers) or not graph.attentions:
        found = f"{len(graph.attentions)} attention operators that are known here"
        return Compared(unknown=(f"the graph has {found}, the source {len(source.layers)} layers",))
    rows = list(_rows(graph, source, context))
    known = [it for it in rows if it.expected is not None and it.found is not None]
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in known:
        if not row.is_same():
            groups.setdefault((row.what, row.shown(row.found), row.shown(row.expected)), []).append(
                row.name
            )
    sentences = tuple(_sentence(*key, names) for key, names in groups.items())
    looked_at = tuple(dict.fromkeys(row.what for row in known))
    absent = tuple(
        f"the source's config.json does not say its {what}"
        for what in dict.fromkeys(row.what for row in rows if row.expected is None)
    )
    return _judged(source, looked_at, sentences, absent)


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    name: str
    found: float | None
    expected: float | None
    none: str = ""  # how 0 is told

    def is_same(self) -> bool:
        assert self.found is not None
        assert self.expected is not None
        return abs(self.found - self.expected) <= _CLOSE * abs(self.expected)

    def shown(self, value: float | None) -> str:
        return self.none if self.none and not value else f"{value:.4g}"


def _rows(graph: Graph, source: Computation, context: int) -> Iterable[_Row]:
    size = source.head_dimensions
    for it, layer in zip(graph.attentions, source.layers, strict=True):
        own = it.scale or (size**-0.5 if size else None)
        yield _Row("attention heads", it.name, it.heads, source.heads)
        if it.kv_heads is not None:
            yield _Row("key and value heads", it.name, it.kv_heads, source.kv_heads)
        yield _Row("attention scale", it.name, own, source.scale)
        if it.window is not None:
            found, asked = (_reach(value, context) for value in (it.window, layer.window))
            found = asked if abs(found - asked) == 1 else found  # with or without the token itself
            yield _Row("attention window", it.name, found, asked, "all tokens")
        if it.softcap is not None:
            yield _Row("cap of attention scores", it.name, it.softcap, source.softcap, "none")
    for norm in graph.norms:
        yield _Row("epsilon of norms", norm.name, norm.epsilon, source.epsilon)
    yield _Row("cap of logits", "the output", graph.final_softcap, source.final_softcap, "none")


def _reach(window: int, context: int) -> int:
    return window if 0 < window < context else 0


def _sentence(what: str, found: str, expected: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{what} {found} in {names[0]}{more}, {expected} by the source's config.json"


def _judged(
    source: Computation,
    looked_at: tuple[str, ...],
    sentences: Sequence[str],
    unknown: Sequence[str],
) -> Compared:
    """In a family that is not known a difference may be its own way."""
    if source.is_known:
        return Compared(looked_at, tuple(sentences), unknown=tuple(unknown))
    doubts = [f"{it}, if {source.family or 'its family'} means that" for it in sentences]
    return Compared(looked_at, doubts=tuple(doubts), unknown=tuple(unknown))


def compare_rotations(graph: Graph, source: Computation, context: int) -> Compared:
    """Every RoPE cache that a layer uses, recomputed from the source's base and scaling."""
    if len(graph.attentions) != len(source.layers) or not graph.attentions:
        return Compared(unknown=("the graph has no attention operators that are known here",))
    groups: dict[tuple[str, ...], tuple[Rotation, str]] = {}
    sentences, unknown, looked_at = list[str](), list[str](), list[str]()
    for it, layer in zip(graph.attentions, source.layers, strict=True):
        asked = layer.rotation
        if it.is_turned is None or (asked is not None and not asked.is_known):
            kind = "" if asked is None or asked.is_known else f" ({asked.kind})"
            unknown.append(f"how {it.name} turns queries is not known here{kind}")
        elif asked is None or not it.is_turned:
            looked_at.append(it.name)
            if it.is_turned != (asked is not None):
                verb = "turns" if it.is_turned else "does not turn"
                sentences.append(f"{it.name} {verb} queries by position, unlike the source")
        elif it.is_interleaved:
            sentences.append(f"{it.name} turns neighbours in place of halves, unlike the source")
        else:
            known = groups.setdefault(it.caches, (asked, it.name))
            if known[0] != asked:
                sentences.append(f"{it.name} shares a cache with {known[1]}, unlike the source")
    for names, (asked, _) in groups.items():
        caches = tuple(graph.caches[name] for name in names)
        looked_at += names
        sentences += cache_problems(caches, asked, context)
    if unknown and not sentences:
        looked_at = []  # some layers say nothing of the others
    return _judged(source, tuple(looked_at), sentences, tuple(unknown[:_NAMED]))


def compare_graphs(mine: Graph, theirs: Graph) -> Compared:
    """Where two graphs that should compute the same do not, as far as both say."""
    if len(mine.attentions) != len(theirs.attentions) or not mine.attentions:
        return Compared(unknown=("the graphs have other attention operators",))
    looked_at, sentences = list[str](), list[str]()
    for what, read in _READ.items():
        pairs = [
            (one, read(one), read(other))
            for one, other in zip(mine.attentions, theirs.attentions, strict=True)
        ]
        both = [(it, a, b) for it, a, b in pairs if a is not None and b is not None]
        looked_at += [what] if both else []
        off = [(it, a, b) for it, a, b in both if abs(a - b) > _CLOSE * abs(b)]
        if off:
            it, a, b = off[0]
            more = f" and {len(off) - 1} more" if len(off) > 1 else ""
            sentences.append(f"{what} {a:.4g} in {it.name}{more}, {b:.4g} in the reference")
    epsilons = [sorted({norm.epsilon for norm in it.norms}) for it in (mine, theirs)]
    if all(epsilons) and epsilons[0] != epsilons[1]:
        shown = [", ".join(f"{it:.4g}" for it in found) for found in epsilons]
        sentences.append(f"epsilon of norms {shown[0]}, {shown[1]} in the reference")
    if abs(mine.final_softcap - theirs.final_softcap) > _CLOSE * theirs.final_softcap:
        found = f"{mine.final_softcap:.4g}, {theirs.final_softcap:.4g} in the reference"
        sentences.append(f"cap of logits {found}")
    return Compared(tuple(looked_at), tuple(sentences))


def compare_caches(mine: Graph, theirs: Graph) -> Compared:
    """RoPE caches of two graphs, layer by layer, as far as both have one."""
    if len(mine.attentions) != len(theirs.attentions) or not mine.attentions:
        return Compared(unknown=("the graphs have other attention operators",))
    pairs = {
        pair: None
        for one, other in zip(mine.attentions, theirs.attentions, strict=True)
        for pair in zip(one.caches, other.caches, strict=False)
    }
    differences = [
        text
        for one, other in pairs
        if (text := cache_difference(mine.caches[one], theirs.caches[other]))
    ]
    if not pairs:
        return Compared(unknown=("the graphs have no RoPE caches that are known here",))
    return Compared(tuple(dict.fromkeys(one for one, _ in pairs)), tuple(differences))


_READ: dict[str, Callable[[Attention], float | None]] = {
    "attention heads": lambda it: it.heads,
    "key and value heads": lambda it: it.kv_heads,
    "attention scale": lambda it: it.scale or None,
    "attention window": lambda it: it.window,
    "cap of attention scores": lambda it: it.softcap,
}
