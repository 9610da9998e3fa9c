"""Names that are refused."""

BAD_NAMES = ["", "x" * 201, "a\x00b", "a\nb", "\x7f", "\x85", None, 1, ["a"], "\ud800"]
