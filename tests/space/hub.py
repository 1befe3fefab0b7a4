"""A hub for one user, on this machine: as much of the Hugging Face hub as publishing a Space talks to.

It is spoken to by huggingface_hub itself, and keeps what arrives: regular files inside the commit, weights
by LFS before it.
"""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_secretsecretsecret"
FIRST = {".gitattributes": b"*.safetensors filter=lfs\n", "README.md": b"---\nsdk: gradio\n---\n"}


class Hub:
    """Spaces with their files; ``refuse[(method, part of path)] = (status, message)`` makes it fail."""

    def __init__(self) -> None:
        self.spaces: dict[str, dict[str, bytes]] = {}
        self.about: dict[str, dict[str, Any]] = {}  # hardware, volumes, visibility of each Space
        self.buckets: dict[str, dict[str, Any]] = {}
        self.commits: list[list[dict[str, Any]]] = []  # their operations
        self.requests: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], tuple[int, str]] = {}
        self.stored: dict[str, bytes] = {}  # sha256 -> bytes, by LFS
        self.url = ""

    def add(self, name: str, files: dict[str, bytes]) -> None:
        self.spaces[name], self.about[name] = dict(files), {}

    def sha(self, name: str) -> str:
        return hashlib.sha1(repr(sorted(self.spaces[name].items())).encode()).hexdigest()

    # Each answer is (status, JSON).

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if (method, path) == ("GET", "/api/whoami-v2"):
            return 200, {"type": "user", "name": "me", "fullname": "Me", "orgs": [{"name": "school"}]}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if method == "PUT" and path.startswith("/lfs/"):
            self.stored[path[5:]] = body
            return 200, {}
        told = {} if path.endswith("/commit/main") or not body else json.loads(body)
        if path == "/api/repos/create":
            name = f"{told['organization'] or 'me'}/{told['name']}"
            if name in self.spaces:
                return 409, {"error": "You already created this space repo"}
            self.add(name, FIRST)
            self.about[name] = {
                key: told[key] for key in ("hardware", "volumes", "visibility") if key in told
            }
            return 200, {"url": f"{self.url}/spaces/{name}", "name": name}
        if path.startswith("/api/buckets/"):
            self.buckets[path.removeprefix("/api/buckets/")] = told
            return 200, {"url": f"{self.url}/buckets/x/y", "name": "x"}
        if path.startswith("/spaces/"):
            return self.batch(told)
        _, _, _, owner, space, *rest = path.split("/")
        return self.of_space(f"{owner}/{space}", method, "/".join(rest), told, body)

    def of_space(self, name: str, method: str, rest: str, told: dict[str, Any], body: bytes) -> Any:
        if name not in self.spaces:
            return 404, {"error": "Repository not found"}
        files, about = self.spaces[name], self.about[name]
        if rest in ("", "revision/main"):
            return 200, {"id": name, "sha": self.sha(name), "siblings": [{"rfilename": f} for f in files]}
        if rest == "preupload/main":
            return 200, {"files": [self.mode(files, file) for file in told["files"]]}
        if rest == "commit/main":
            return self.commit(name, [json.loads(line) for line in body.splitlines()])
        if rest == "settings":
            about["visibility"] = told.get("visibility", "private" if told.get("private") else "public")
            return 200, {}
        if rest == "volumes":
            about["volumes"] = told["volumes"]
            return 200, {}
        if rest == "hardware":
            about["hardware"] = told["flavor"]
        assert rest in ("hardware", "runtime"), rest
        return 200, {"stage": "RUNNING", "hardware": {}, "volumes": about.get("volumes")}

    def mode(self, files: dict[str, bytes], file: dict[str, Any]) -> dict[str, Any]:
        """How a file is to come, and the hash of the one that is there."""
        path, large = file["path"], file["path"].endswith((".safetensors", ".png", ".gif"))
        oid = None
        if path in files:
            whole = files[path]
            git = hashlib.sha1(b"blob %d\0" % len(whole) + whole)
            oid = (hashlib.sha256(whole) if large else git).hexdigest()
        return {
            "path": path,
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": False,
            "oid": oid,
        }

    def batch(self, told: dict[str, Any]) -> tuple[int, Any]:
        """Where the bytes of large files are to be put."""
        objects = [
            wanted
            if wanted["oid"] in self.stored  # nothing to do
            else {**wanted, "actions": {"upload": {"href": f"{self.url}/lfs/{wanted['oid']}"}}}
            for wanted in told["objects"]
        ]
        return 200, {"transfer": "basic", "objects": objects}

    def commit(self, name: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        head, *operations = lines
        if head["value"].get("parentCommit") not in (None, self.sha(name)):
            return 412, {"error": "A commit has happened since"}
        files = dict(self.spaces[name])
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                stored = self.stored[value["oid"]]
                assert hashlib.sha256(stored).hexdigest() == value["oid"]
                files[value["path"]] = stored
            else:
                assert operation["key"] == "deletedFile"
                del files[value["path"]]
        self.spaces[name] = files
        self.commits.append(operations)
        return 200, {
            "success": True,
            "commitOid": self.sha(name),
            "commitUrl": f"{self.url}/spaces/{name}/commit/x",
        }


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers at its ``url``."""
    hub, lock = Hub(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def handle_any(self) -> None:
            path, body = self.path.partition("?")[0], self.body()
            with lock:
                hub.requests.append((self.command, path))
                status, told = self.refused(path) or hub.answer(self.command, path, body)
            content = json.dumps(told).encode()
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            if status == 401:
                self.send_header("X-Error-Message", "Invalid credentials in Authorization header")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def refused(self, path: str) -> tuple[int, Any] | None:
            if not path.startswith("/lfs/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return 401, {"error": "Invalid credentials in Authorization header"}
            for (method, part), (status, message) in hub.refuse.items():
                if method == self.command and part in path:
                    return status, {"error": message, "errors": [{"message": message}]}
            return None

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
