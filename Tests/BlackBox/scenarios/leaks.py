"""No planted secret is left anywhere: not in files, not in outputs, not in what the interface shows."""
import os

from kit.checks import Failure, expect
from kit.secrets import regular


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
    if not planted.values:
        return
    planted.prove()
    found = planted.search(root)
    if found:
        raise Failure(f"{len(found)} finds\n      " + "\n      ".join(sorted(found)[:40]))
    expect(any(regular(root)), "no files to search")
