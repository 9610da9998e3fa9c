"""The formats that answers come in. A new one is a file of its own, and its name here."""

from wire.csv_format import CSV
from wire.json_format import JSON
from wire.ndjson_format import NDJSON
from wire.text_format import TEXT

FORMATS = {each.media_type: each for each in (JSON, TEXT, CSV, NDJSON)}
