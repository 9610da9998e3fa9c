"""The application without the express lane."""

import asgi
from live.lane import LaneProtocol

LaneProtocol.is_lane_open = False
application = asgi.application
