"""Numbers with their nouns, as sentences need them."""


def counted(number: int, one: str, many: str) -> str:
    """Return the number with its noun: "1 person", "7 people"."""
    return f"{number} {one if number == 1 else many}"
