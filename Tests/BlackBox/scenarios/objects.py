"""The embedded store's signed addresses: what they allow, and nothing beyond."""
import hashlib
import http.client
import os
import socket
import urllib.parse

from kit.agent import Agent, local, put, signatures, wait_run
from kit.checks import Findings, equal, eventually, expect


def changed(url, **parameters):
    """The path and query with parameters replaced, or taken away when None."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query)) | parameters
    return parts.path + "?" + urllib.parse.urlencode({n: v for n, v in query.items() if v is not None})


def order_of(world, name):
    agent = Agent(world.server, name)
    job = agent.add_job()
    agent.connect()
    return (agent, job, *agent.order(job))


def addresses_that_were_not_given(world):
    server = world.server
    agent, job, run, order = order_of(world, "tamperer")
    _, other = agent.order(agent.add_job())  # of another database: one is backed up at a time
    url = order["upload_creds"]["presigned_put_url"]
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    expect(sorted(query) == ["expires", "max", "signature"], f"parameters {sorted(query)}")
    signature = query["signature"]
    name, other_name = parts.path, urllib.parse.urlsplit(other["upload_creds"]["presigned_put_url"]).path
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    targets = {
        "no query": name,
        "no signature": changed(url, signature=None),
        "an empty signature": changed(url, signature=""),
        "another signature": changed(url, signature=flipped),
        "half a signature": changed(url, signature=signature[:32]),
        "a longer signature": changed(url, signature=signature + "00"),
        "a signature in upper case and changed": changed(url, signature=flipped.upper()),
        "the signature of another name": changed(url, signature=signatures(other["upload_creds"]["presigned_put_url"])[0]),
        "another name": local(url).replace(name, other_name),
        "a name that was not given": local(url).replace(name, name + "x"),
        "a later end": changed(url, expires=str(int(query["expires"]) + 1)),
        "an end long past": changed(url, expires="1000"),
        "an end of 2^64": changed(url, expires=str(2**64)),
        "a negative end": changed(url, expires="-1"),
        "no end": changed(url, expires=None),
        "a higher maximum": changed(url, max=str(int(query["max"]) + 1)),
        "no maximum": changed(url, max=None),
        "a maximum twice": local(url) + "&max=" + str(int(query["max"]) * 2),
        "a signature twice": local(url) + "&signature=" + flipped,
        "something more": local(url) + "&x=1",
        "the parent": local(url).replace(name, name + "/.."),
        "a doubled slash": local(url).replace("/objects/", "/objects//"),
    }
    findings = Findings()
    for what, target in targets.items():
        for method in ("PUT", "GET"):
            answer = server.request(method, target, b"stolen" if method == "PUT" else None)
            if what == "something more" and method == "PUT" and answer.status == 200:
                continue  # what is not signed may be ignored
            findings.check(answer.status in (400, 403, 404, 422), f"{what}, {method}: {answer.status}")
    for method in ("GET", "HEAD", "DELETE", "POST"):
        answer = server.request(method, local(url), b"x" if method == "POST" else None)
        findings.check(answer.status in (403, 404, 405), f"{method} of an address for PUT: {answer.status}")
    findings.check(objects_in(server, order) == [], f"objects have appeared: {objects_in(server, order)}")
    # With no token neither listing nor anything else.
    for target in ("/objects", "/objects/", "/objects/agt_"):
        findings.check(server.request("GET", target).status in (401, 403, 404), f"GET {target}")
    agent.leave()
    findings.end()


def objects_in(server, order):
    """The files that have to do with a run, by their path in the data directory."""
    run = order["run_id"].rsplit("-", 1)[0]
    found = []
    for folder, _, names in os.walk(os.path.join(server.data, "objects")):
        found += [os.path.join(folder, name) for name in names if run in os.path.join(folder, name)]
    return found


def files_in(server):
    return {os.path.join(f, n) for f, _, names in os.walk(os.path.join(server.data, "objects")) for n in names}


def paths_that_lead_out(world):
    server = world.server
    agent, _, _, order = order_of(world, "traveller")
    query = "?" + urllib.parse.urlsplit(order["upload_creds"]["presigned_put_url"]).query
    findings = Findings()
    outward = [
        "/objects/../admin.token", "/objects/..%2fadmin.token", "/objects/%2e%2e/admin.token",
        "/objects/%2e%2e%2fadmin.token", "/objects/....//admin.token", "/objects/..\\admin.token",
        "/objects//etc/passwd", "/objects/%00", "/objects/a%00b", "/objects/" + "../" * 30 + "etc/passwd",
        "/objects/./../master.key", "/objects/%c0%ae%c0%ae/master.key", "/objects/" + "a" * 5_000,
        "/objects/" + "a/" * 2_000, "/objects/%", "/objects/%zz", "//objects/../master.key", "/objects/~root",
    ]
    for path in outward:
        for method in ("GET", "PUT"):
            try:
                answer = server.request(method, path + query, b"x" if method == "PUT" else None)
                findings.check(400 <= answer.status < 500, f"{method} {path[:60]}: {answer.status}")
            except ConnectionError:
                pass
    server.must_live()
    with open(os.path.join(server.data, "admin.token"), encoding="ascii") as file:
        findings.check(file.read().strip() == server.token, "admin.token was changed")
    agent.leave()
    findings.end()


def sizes(world):
    server = world.server
    agent, job, run, order = order_of(world, "sizer")
    url = order["upload_creds"]["presigned_put_url"]
    maximum = int(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["max"])
    findings = Findings()
    for what, header, statuses in (
        ("over the maximum", f"Content-Length: {maximum + 1}", (413,)),
        ("far over the maximum", f"Content-Length: {2**63 - 1}", (413, 400)),
        ("chunked", "Transfer-Encoding: chunked", (411,)),
        ("no length", "X-None: 1", (411,)),
        ("length that is none", "Content-Length: abc", (400, 411, 422)),
    ):
        body = b"3\r\nabc\r\n0\r\n\r\n" if what == "chunked" else b""
        data = f"PUT {local(url)} HTTP/1.1\r\nHost: x\r\n{header}\r\nConnection: close\r\n\r\n".encode() + body
        answer = server.raw(data, seconds=5)
        status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
        findings.check(status in statuses, f"{what}: {answer[:80]!r}, wanted {statuses}")
    findings.check(objects_in(server, order) == [], f"objects have appeared: {objects_in(server, order)}")
    # Others of its kind are not hindered, whatever comes in how many pieces.
    blob = os.urandom(3_000_000)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("PUT", local(url))
    connection.putheader("Content-Length", str(len(blob)))
    connection.endheaders()
    for start in range(0, len(blob), 70_001):
        connection.send(blob[start:start + 70_001])
    equal(connection.getresponse().status, 200, "PUT in pieces")
    connection.close()
    agent.complete(order, blob)
    wait_run(server, run, "success")
    run, order = agent.order(job)
    answer = agent.upload(order, b"")
    findings.check(answer.status in (200, 422), f"an empty object: {answer.status}")
    agent.complete(order, b"")
    wait_run(server, run, "success" if answer.status == 200 else "failed")
    agent.leave()
    findings.end()


def uploads_that_break_off(world):
    server = world.server
    agent, job, run, order = order_of(world, "breaking")
    url = local(order["upload_creds"]["presigned_put_url"])
    before = files_in(server)
    for sent in (0, 1, 100_000, 999_999):
        with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
            connection.sendall(f"PUT {url} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode() + b"a" * sent)
            connection.shutdown(socket.SHUT_RDWR)
    eventually(lambda: files_in(server) - before == set(), "nothing is left of uploads that broke off", 20)
    agent.complete(order, b"a" * 1_000_000)
    equal(wait_run(server, run, "failed")["error_class"], "storage", "error_class")
    # A broken replacement leaves the first object as it was.
    blob = os.urandom(1_000)
    run, order = agent.order(job)
    agent.upload(order, blob).must_be("PUT", 200)
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        url = local(order["upload_creds"]["presigned_put_url"])
        connection.sendall(f"PUT {url} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode() + b"a" * 10)
    agent.complete(order, blob)
    equal(wait_run(server, run, "success")["sha256"], hashlib.sha256(blob).hexdigest(), "digest")
    agent.leave()


def replacing(world):
    server = world.server
    agent, job, run, order = order_of(world, "replacing")
    blob, other = os.urandom(5_000), os.urandom(5_000)
    agent.upload(order, other).must_be("first PUT", 200)
    agent.upload(order, blob).must_be("second PUT", 200)
    agent.complete(order, blob)
    wait_run(server, run, "success")
    agent.upload(order, other).must_be_error("PUT after observation", 409)
    agent.upload(order, blob).must_be_error("the same again after observation", 409)
    download = server.show(f"/v1/runs/{run}/download-url")["url"]
    expect(server.request("GET", local(download)).body == blob, "the object was changed after its observation")
    # A failed one's address is no way back either.
    run, order = agent.order(job)
    agent.upload(order, other).must_be("PUT", 200)
    agent.complete(order, blob)
    wait_run(server, run, "failed")
    agent.upload(order, blob)
    agent.complete(order, blob)
    agent.back_up(job, blob)
    equal(server.show(f"/v1/runs/{run}")["status"], "failed", "a failed run after a second upload; status")
    agent.leave()


def downloads(world):
    server = world.server
    agent, job, run, order = order_of(world, "loading")
    blob = os.urandom(700_000)
    agent.upload(order, blob).must_be("PUT", 200)
    agent.complete(order, blob)
    wait_run(server, run, "success")
    url = server.show(f"/v1/runs/{run}/download-url")["url"]
    findings = Findings()

    def get(header, method="GET"):
        return server.request(method, local(url), headers=[("Range", header)] if header else [])
    answer = get(None)
    findings.check(answer.status == 200 and answer.body == blob, f"whole: {answer.status}, {len(answer.body)} bytes")
    size = len(blob)
    for header, start, end in (
        ("bytes=0-9", 0, 10), ("bytes=100-", 100, size), ("bytes=-5", size - 5, size), (f"bytes={size - 1}-", size - 1, size),
        (f"bytes=10-{size * 2}", 10, size), (f"bytes=-{size * 2}", 0, size), ("bytes=0-0", 0, 1),
        (f"bytes=5-{2**70}", 5, size),
    ):
        answer = get(header)
        good = answer.status == 206 and answer.body == blob[start:end]
        findings.check(good, f"{header}: {answer.status}, {len(answer.body)} bytes, wanted {end - start}")
        told = answer.headers.get("content-range")
        findings.check(told == f"bytes {start}-{end - 1}/{size}", f"{header}: Content-Range {told}")
    for header in (f"bytes={size}-", f"bytes={2**64}-", "bytes=-0"):
        findings.check(get(header).status == 416, f"{header}: {get(header).status}")
    for header in ("bytes=9-0", "bytes=a-b", "lines=1-2", "bytes=", "bytes=-", "bytes=0-1,5-6", "bytes=" + "0-0," * 5_000):
        answer = get(header)
        findings.check(answer.status in (200, 206, 416), f"{header[:30]}: {answer.status}")
    answer = get(None, "HEAD")
    findings.check(answer.status in (200, 403, 405), f"HEAD: {answer.status}")
    for what, target in {
        "later": changed(url, expires=str(9_999_999_999_999)), "no signature": changed(url, signature=None),
        "another": changed(url, signature="0" * 64),
    }.items():
        findings.check(server.request("GET", target).status == 403, f"GET, {what}: {server.request('GET', target).status}")
    findings.check(put(server, url, b"x").status == 403, "an address for GET takes PUT")
    agent.leave()
    findings.end()


SCENARIOS = [
    addresses_that_were_not_given, paths_that_lead_out, sizes, uploads_that_break_off, replacing, downloads,
]
