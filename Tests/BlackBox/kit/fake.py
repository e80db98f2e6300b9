"""Something that answers where a server is expected, as a scenario tells it to."""
import http.server
import json
import threading


class Fake:
    """`answer(method, path, count)` gives (status, headers, body) for the so-manieth request of that method and path, or None
    when it has answered with `handler` itself. Objects are sent as JSON."""

    def __init__(self, answer, tls=None):
        self.requests = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                fake.requests.append((self.command, path, body))
                count = sum(1 for method, other, _ in fake.requests if (method, other) == (self.command, path))
                found = answer(self, self.command, path, count)
                if found is None:
                    self.close_connection = True
                    return
                status, headers, body = found
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = respond

            def log_message(self, *arguments):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # clients that are killed, or give up

        self.server = Threads(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def page(*items):
    return 200, {}, {"items": list(items), "next_cursor": None, "has_more": False}


def refusal(status, code, **headers):
    return status, headers, {"error": {"code": code, "message": "as told", "details": {}, "trace_id": "x"}}
