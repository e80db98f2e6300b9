"""What must never be found again: planted secrets, and the search for them in every form they may take."""
import base64
import os
import re
import subprocess
import tempfile
import threading

from .checks import Failure


class Planted:
    def __init__(self):
        self.lock = threading.Lock()
        self.values = {}

    def add(self, kind, value):
        raw = value if isinstance(value, bytes) else value.encode()
        if len(raw) >= 12:
            with self.lock:
                self.values[raw] = kind

    def forms(self):
        """What to look for, and what each is."""
        with self.lock:
            values = list(self.values.items())
        found = {}
        for raw, kind in values:
            found.setdefault(raw, f"{kind}, raw")
            found.setdefault(raw.hex().encode(), f"{kind}, hex")
            found.setdefault(raw.hex().upper().encode(), f"{kind}, upper-case hex")
            for shift in range(3):
                # Within a longer text its base64 starts at any of three places; the edges depend on the neighbours.
                text = base64.b64encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
                start = (shift * 8 + 5) // 6
                end = (shift + len(raw)) * 8 // 6
                found.setdefault(text[start:end], f"{kind}, base64")
                found.setdefault(text[start:end].replace(b"+", b"-").replace(b"/", b"_"), f"{kind}, base64url")
        return found

    def search(self, root):
        """What was found in the files below a folder, as texts. Links are not followed."""
        forms = self.forms()
        return [f"{os.path.relpath(path, root)}: {forms[form]} at byte {place}" for path, place, form in places(root, forms)]

    def search_texts(self, texts):
        """The same in texts by name."""
        with tempfile.TemporaryDirectory(prefix="backupy-searched-") as folder:
            for name, text in texts.items():
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(text)
            return self.search(folder)

    def prove(self):
        """A search that finds nothing proves nothing: this one finds each form, also within something longer."""
        forms, secret = self.forms(), next(iter(self.values))
        with tempfile.TemporaryDirectory(prefix="backupy-canaries-") as folder:
            with open(os.path.join(folder, "canaries"), "wb") as file:
                file.write(b"".join(b"x" * 7 + form + b"y\n" for form in forms))
            found = {form for _, _, form in places(folder, forms)}
        missing = {forms[form] for form in set(forms) - found}
        if missing:
            raise Failure(f"the search does not find {sorted(missing)}")
        if not self.search_texts({"canary": base64.b64encode(b"before" + secret + b"and after")}):
            raise Failure("the search does not find base64 within base64")


def places(root, forms):
    """Where forms stand in files below a folder: path, place and form. Of those that overlap grep tells the first one."""
    # It looks into single lines. Of a form that has several, which only raw ones can, it gets the longest: any file that
    # holds that one is looked into for the whole.
    long_ones = [form for form in forms if b"\n" in form]
    wanted = {form for form in forms if b"\n" not in form}
    patterns = wanted | {max(form.split(b"\n"), key=len) for form in long_ones}
    # By standard input, so that there is no file of patterns to be found.
    done = subprocess.run(
        ["grep", "-raboZHF", "-D", "skip", "-f", "-", "--", root], input=b"\n".join(patterns), capture_output=True,
        env=os.environ | {"LC_ALL": "C"})
    if done.returncode not in (0, 1):
        raise Failure(f"grep: exit {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-500:]}")
    suspects = set()
    for path, place, form in re.findall(rb"([^\0]*)\0(\d+):([^\n]*)\n", done.stdout):
        if form in wanted:
            yield os.fsdecode(path), int(place), form
        else:
            suspects.add(path)
    for path in suspects:
        with open(path, "rb") as file:
            data = file.read()
        for form in long_ones:
            if form in data:
                yield os.fsdecode(path), data.find(form), form


def regular(root):
    """Paths of all files below a folder that are neither links nor pipes."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path
