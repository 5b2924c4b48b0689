"""What a session will take, before it is spent: a short pilot, and the work of each check."""
