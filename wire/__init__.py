"""What turns domain objects into headers, tags and bodies, and reads the headers of requests.

No module here imports Flask or ASGI: ``routes/`` and ``live/`` answer with the same functions.
"""
