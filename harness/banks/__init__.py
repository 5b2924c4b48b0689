"""Public banks in the fields that they are published with: each dialect makes questions of rows.

Prompts and choices are those of lm-evaluation-harness, version 0.4, as far as a chat can have them:
its text before the answer is the user's message, and what it scores or generates is the reply, as
with its own ``--apply_chat_template``.
"""
