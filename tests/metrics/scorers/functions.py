"""Scorers as users write them, and as they must not."""

import math


def is_expected(item, text):
    return text == item.expected


def share(item, text):
    return len(text) / 10


def number_as_text(item, text):
    return "1"


def nothing(item, text):
    pass


def not_a_number(item, text):
    return math.nan


def broken(item, text):
    return {}["no such key"]


NO_FUNCTION = 7
