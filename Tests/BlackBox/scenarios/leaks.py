"""No planted secret is left anywhere: not in files, not in outputs, not in what the interface shows."""
import base64
import os

from kit.checks import Failure, expect


def collect(server):
    """Keeps what a server shows at its end, to be searched with the rest."""
    if not server.is_alive:
        return
    parts = []
    for path in ("/v1/agents", "/v1/runs", "/v1/log"):
        try:
            parts.append(repr(server.everything(path)) if path != "/v1/log" else log(server))
        except OSError as error:
            parts.append(str(error))
    parts.append(server.call("GET", "/v1/state").text)
    with open(os.path.join(server.directory, "shown"), "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


def log(server):
    """Pages of the log as text; enough of a long one."""
    texts, after = [], 0
    while len(texts) < 60:
        answer = server.call("GET", f"/v1/log?after={after}&limit=100")
        items = answer.json.get("items", []) if answer.status == 200 else []
        if not items:
            break
        texts.append(answer.text)
        after = items[-1]["position"]
    return "\n".join(texts)


def no_planted_secret_is_left(root, planted):
    kinds = set(planted.values.values())
    if not planted.values:
        return
    for kind, form in list(planted.forms())[:7]:  # a search that finds nothing proves nothing
        expect(planted.search("canary", b"x" * 7 + form + b"y"), f"the search does not find {kind}")
    secret = next(iter(planted.values))
    text = base64.b64encode(b"before" + secret + b"and after")
    expect(planted.search("canary", text), "the search does not find base64 within base64")
    found, count = [], 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                found += planted.search(os.path.relpath(path, root), file.read())
            count += 1
    if found:
        raise Failure(f"{len(found)} finds in {count} files\n      " + "\n      ".join(sorted(found)[:40]))
    expect(count > 0, f"no files to search for {sorted(kinds)}")
