"""Asks the service in this container whether it is ready; the exit status tells. Run as a file, imports nothing
of ours: it runs every few seconds and must cost next to nothing."""

import os
import socket
import sys

TIMEOUT_S = 4.0


def ready(port: int) -> bool:
    """Whether /readyz of this port answers 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as door:
            door.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return b" 200 " in door.recv(64)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if ready(int(os.environ.get("ONEWINDOW_HTTP_PORT", "8000"))) else 1)
