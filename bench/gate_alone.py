"""The application without the express lane."""

import asgi
from live.express import ExpressProtocol

ExpressProtocol.is_lane_open = False
application = asgi.application
