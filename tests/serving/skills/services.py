"""Local stand-ins for the services that skills ask: in the documented format, or hostile."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

GEOCODED = {
    "results": [
        {
            "id": 1850147,
            "name": "도쿄",
            "latitude": 35.6895,
            "longitude": 139.69171,
            "elevation": 44.0,
            "feature_code": "PPLC",
            "country_code": "JP",
            "timezone": "Asia/Tokyo",
            "country": "일본",
            "admin1": "도쿄도",
        }
    ],
    "generationtime_ms": 0.6,
}
FORECAST = {
    "latitude": 37.55,
    "longitude": 127.0,
    "generationtime_ms": 0.05,
    "utc_offset_seconds": 32400,
    "timezone": "Asia/Seoul",
    "current_units": {"temperature_2m": "°C"},
    "current": {
        "time": "2026-11-28T12:00",
        "interval": 900,
        "temperature_2m": 4.2,
        "apparent_temperature": 0.6,
        "weather_code": 3,
    },
    "daily": {
        "time": ["2026-11-28", "2026-11-29", "2026-11-30"],
        "weather_code": [61, 0, 71],
        "temperature_2m_max": [7.4, 9.0, 2.1],
        "temperature_2m_min": [-1.2, 0.4, -5.0],
        "precipitation_probability_max": [80, 3, None],
    },
}


def price(day="20261127", **fields):
    """A row of stock prices."""
    row = {
        "basDt": day, "srtnCd": "005930", "isinCd": "KR7005930003", "itmsNm": "삼성전자",
        "mrktCtg": "KOSPI", "clpr": "71500", "vs": "-500", "fltRt": "-.69", "mkp": "72000",
        "trqu": "1234567",
    }  # fmt: skip
    return {**row, **fields}


def prices(*rows):
    """An answer with stock prices."""
    items = {"item": list(rows)} if rows else ""
    body = {"numOfRows": 20, "pageNo": 1, "totalCount": len(rows), "items": items}
    header = {"resultCode": "00", "resultMsg": "NORMAL SERVICE."}
    return {"response": {"header": header, "body": body}}


class Service:
    """What a service answers: by path, (status, headers, bytes); and what it was asked."""

    def __init__(self):
        self.answers, self.asked, self.piece_pause = {}, [], 0.0

    def give(self, path, body, status=200, **headers):
        """Set the answer of a path."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, headers, content)


@contextlib.contextmanager
def running_service():
    """Yield a service and its address."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            service.asked.append((parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}))
            status, headers, content = service.answers.get(parts.path, (404, {}, b"{}"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                if service.piece_pause:
                    for byte in content:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(service.piece_pause)
                else:
                    self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
