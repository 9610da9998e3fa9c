"""The one home of bytes: what turns domain objects into headers, tags and bodies, and back.

Nothing here knows Flask or ASGI: routes and live make their answers from the same functions.
"""
