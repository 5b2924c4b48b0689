"""What must hold of an answer to an odd request."""

from harness.answer import Answer, Finish, Request


def broken_promise(request: Request, odd: Answer, before: Answer, after: Answer) -> str:
    """The first promise that was not kept, as a clause; empty when all were.

    An odd request ends in an error that says something, or in valid Unicode within the limit on new
    tokens; and a normal request right after it (`after`) is answered as one before it (`before`).
    """
    if odd.finish == Finish.ERROR and not odd.error.strip():
        return "an error without a message"
    if len(odd.token_ids) > request.max_new_tokens:
        return f"{len(odd.token_ids)} new tokens, the limit was {request.max_new_tokens}"
    if any(0xD800 <= ord(char) <= 0xDFFF for char in odd.text):
        return "the text is not valid Unicode"
    if (after.finish, after.text) != (before.finish, before.text):
        return f"a normal request after it gave {(after.error or after.text)[:60]!r}"
    return ""
