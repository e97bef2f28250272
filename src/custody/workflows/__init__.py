"""One verb a file: what a user does, put together from the rooms below. The command and the API both call these."""
