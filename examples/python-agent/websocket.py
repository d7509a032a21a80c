"""A WebSocket client of RFC 6455 on the standard library alone: text frames, pings, and a clean close.

Written for an example, so it has what one JSON protocol needs and no more: no extensions, no subprotocols.
"""

import base64
import hashlib
import os
import socket
import ssl
import struct
import threading
from urllib.parse import urlsplit

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG, CONTINUED = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
FRAME_BYTES_MAX = 26_214_400


class Closed(Exception):
    """The connection has ended; `code` is 1006 where nobody said goodbye."""

    def __init__(self, code=1006):
        super().__init__(f"closed with {code}")
        self.code = code


class WebSocket:
    def __init__(self, url, timeout=15):
        self._sending = threading.Lock()
        self._socket = _connect(url, timeout)
        self._stream = self._socket.makefile("rb")
        self._handshake(url)
        self._socket.settimeout(None)

    def send(self, text):
        self._write(TEXT, text.encode())

    def receive(self):
        """The next text message. Raises Closed."""
        message = b""
        while True:
            final, opcode, payload = self._read()
            if opcode == PING:
                self._write(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                self._end(payload[:2])
                raise Closed(code)
            elif opcode in (TEXT, BINARY, CONTINUED):
                message += payload
                if len(message) > FRAME_BYTES_MAX:
                    raise Closed(1009)
                if final:
                    return message.decode()

    def close(self, code=1000):
        self._end(struct.pack("!H", code))

    def _end(self, payload):
        try:
            self._write(CLOSE, payload)
            self._socket.shutdown(socket.SHUT_RDWR)
        except (OSError, Closed):
            pass  # the other side was faster
        self._socket.close()

    def _read(self):
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._exactly(8))[0]
        if length > FRAME_BYTES_MAX:
            raise Closed(1009)
        return bool(first & 0x80), first & 0x0F, self._exactly(length)

    def _exactly(self, count):
        try:
            got = self._stream.read(count)
        except (OSError, ValueError) as error:
            raise Closed() from error
        if len(got) < count:
            raise Closed()
        return got

    def _write(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        mask = os.urandom(4)
        stream = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        masked = (int.from_bytes(payload, "big") ^ stream).to_bytes(length, "big")
        with self._sending:
            try:
                self._socket.sendall(head + mask + masked)
            except OSError as error:
                raise Closed() from error

    def _handshake(self, url):
        at = urlsplit(url)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {at.path or '/'}{'?' + at.query if at.query else ''} HTTP/1.1",
            f"Host: {at.netloc.rpartition('@')[2]}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = self._stream.readline().decode("latin-1").strip()
        headers = {}
        while line := self._stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if " 101 " not in status + " " or headers.get("sec-websocket-accept") != wanted:
            raise ConnectionError(f"the server did not upgrade: {status}")


def _connect(url, timeout):
    at = urlsplit(url)
    secure = at.scheme == "wss"
    raw = socket.create_connection((at.hostname, at.port or (443 if secure else 80)), timeout)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ssl.create_default_context().wrap_socket(raw, server_hostname=at.hostname) if secure else raw
