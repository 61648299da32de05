"""Numbers with their nouns, and names, as sentences need them."""

from django.contrib.humanize.templatetags.humanize import apnumber

TITLES = {"dr", "prof", "mr", "mrs", "ms", "mx", "rev", "sr"}


def counted(number: int, one: str, many: str) -> str:
    """Return the number with its noun: "1 person", "7 people"."""
    return f"{number} {one if number == 1 else many}"


def number_in_words(number: int) -> str:
    """Return the number as sentences have it: "two", from ten on in digits."""
    return str(apnumber(number))


def end_sentence(text: object) -> str:
    """Return the text with a period at its end; one that ends with a period ("3:07 p.m.", "Prairie
    Example Health, Inc.") gets no second one."""
    words = str(text)
    return words if words.endswith(".") else f"{words}."


def first_name(full_name: str) -> str:
    """Return the name to greet a person with: "Ana" for "Dr. Ana Sample".

    Where the first name cannot be told (one word after a title, an initial, the last name and a
    comma first), it is the whole name.
    """
    words = full_name.split()
    names = [word for word in words if word.rstrip(".").lower() not in TITLES]
    is_clear = len(names) > 1 and len(names[0].rstrip(".")) > 1 and "," not in full_name
    return names[0] if is_clear else " ".join(words)
