"""From the rows of a public bank to items."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.asking import Normalize
from harness.banks.dialect import ALL, Dialect, Fields, slice_of
from harness.banks.known import require_fit
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.mistakes import made_of_each
from harness.rows import Row

LEAST_IN_SLICE = 100
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """An item, and its right answer as an example shows it; empty where none can be shown."""

    item: Item
    shown: str


def read_entries(
    dialect: Dialect, rows: Sequence[Row], normalize: Normalize | None = None, is_chat: bool = True
) -> list[Entry]:
    """Items of a bank's rows; an item is called by its `id`, or by where it stands.

    Choices are compared as the bank's usually are unless `normalize` says how. Raises ConfigError
    with a line for each row that makes no item.
    """
    return _merged(made_of_each(rows, lambda row: _entry(dialect, *row, normalize, is_chat)))


def _entry(
    dialect: Dialect, place: str, row: Fields, normalize: Normalize | None, is_chat: bool
) -> Entry:
    require_fit(dialect, row, place)
    try:
        asked = dialect.read(row)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error
    name, is_choice = row.get("id"), asked.scorer is Scorer.CHOICE
    item = Item(
        name if isinstance(name, str) and name else place,
        (("user", asked.prompt if is_chat else asked.plain or asked.prompt),),
        asked.expected,
        slice=slice_of(row),
        scorer=asked.scorer,
        max_new_tokens=asked.max_new_tokens,
        until=asked.until,
        choices=asked.choices,
        normalize=normalize or asked.normalize if is_choice else Normalize.BYTE,
    )
    return Entry(item, asked.shown or asked.expected)


def _merged(entries: Sequence[Entry]) -> list[Entry]:
    """With small slices in one: of HellaSwag's activities most have a few items, of which nothing
    can be shown, and each would be asked whole to try."""
    sizes = Counter(it.item.slice for it in entries)
    small = {name for name, size in sizes.items() if size < LEAST_IN_SLICE}
    other = ALL if len(small) == len(sizes) else _OTHER
    return [
        replace(it, item=replace(it.item, slice=other)) if it.item.slice in small else it
        for it in entries
    ]
