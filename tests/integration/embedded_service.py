"""The smallest thing a stack can run as a service: answers 200 to everything."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Always(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["LIANSHEN_HTTP__PORT"])), Always).serve_forever()
