"""A small server that answers as the Hugging Face hub does, so that huggingface_hub runs for real.

It keeps repositories in memory, takes commits, knows who may read and write what, signs people in
(OpenID Connect), and fails on demand.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlparse

LARGE = (".safetensors", ".bin")  # what the hub keeps in LFS
USERS = {"hf_ada": "ada", "hf_bob": "bob"}  # by their tokens
GROUPS = {"ada": [{"name": "lab", "roleInOrg": "write"}, {"name": "museum", "roleInOrg": "read"}], "bob": []}


@dataclass
class Repository:
    """Files of one commit; ``told`` replaces what is said of a file's size and sha256."""

    files: dict[str, bytes]
    private: bool = False
    gated: bool = False
    commits: int = 1
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def sha(self) -> str:
        content = repr(
            (self.commits, sorted((k, hashlib.sha1(v).hexdigest()) for k, v in self.files.items()))
        )
        return hashlib.sha1(content.encode()).hexdigest()

    def about(self, name: str) -> dict[str, Any]:
        content = self.files[name]
        found: dict[str, Any] = {"type": "file", "path": name, "rfilename": name, "size": len(content)}
        found["oid"] = found["blobId"] = hashlib.sha1(content).hexdigest()
        if name.endswith(LARGE):
            digest = hashlib.sha256(content).hexdigest()
            found["lfs"] = {"oid": digest, "sha256": digest, "size": len(content), "pointerSize": 130}
        return found | self.told.get(name, {})


class StandIn:
    """The server; ``repositories`` are by id, ``failing`` are statuses by a part of the path."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, bytes] = {}
        self.failing: dict[str, int] = {}
        self.asked: list[str] = []  # "GET /api/...", in order
        self.tokens: set[str] = set()  # that were sent
        self.seconds = 0.0  # before each answer
        self.person = "ada"  # who is at the browser when somebody signs in
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (Answers,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def downloads(self, name: str) -> int:
        return sum(asked.startswith("GET") and asked.endswith(f"/{name}") for asked in self.asked)


@contextlib.contextmanager
def standing_in() -> Iterator[StandIn]:
    hub = StandIn()
    try:
        yield hub
    finally:
        hub.close()


class Answers(BaseHTTPRequestHandler):
    hub: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def _user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token:
            self.hub.tokens.add(token)
        return USERS.get(token)

    def _send(self, status: int, body: Any = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self) -> None:
        address = urlparse(self.path)
        path = unquote(address.path)
        self.hub.asked.append(f"{self.command} {path}")
        self.query = {k: v[0] for k, v in parse_qs(address.query).items()}
        self.body = self._body()
        time.sleep(self.hub.seconds)
        for part, status in self.hub.failing.items():
            if part in path:
                return self._send(status, {"error": "no"})
        for method, pattern, answer in ROUTES:
            if (found := re.fullmatch(pattern, path)) and self.command in method.split():
                return answer(self, *found.groups())
        return self._send(404)

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def _readable(self, id: str) -> Repository | None:
        """The repository, if who asks may read it; else what the hub says is sent."""
        found, user = self.hub.repositories.get(id), self._user()
        if found is None or (found.private and user != id.partition("/")[0]):
            self._send(404 if user else 401, X_Error_Code="RepoNotFound")
            return None
        return found

    # Reading

    def info(self, id: str, revision: str | None = None) -> None:
        if (found := self._readable(id)) is None:
            return
        if revision not in (None, "main", found.sha):
            return self._send(404, X_Error_Code="RevisionNotFound")
        about = {"id": id, "modelId": id, "sha": found.sha, "private": found.private, "tags": []}
        if "expand" not in self.query:
            about["siblings"] = [found.about(name) for name in found.files]
        self._send(200, about)

    def paths(self, id: str, revision: str) -> None:
        if found := self._readable(id):
            asked = parse_qs(self.body.decode()).get("paths", []) or json.loads(self.body)["paths"]
            self._send(200, [found.about(name) for name in asked if name in found.files])

    def resolve(self, id: str, revision: str, name: str) -> None:
        if (found := self._readable(id)) is None:
            return
        if found.gated:
            return self._send(403, X_Error_Code="GatedRepo")
        if name not in found.files:
            return self._send(404, X_Error_Code="EntryNotFound")
        about = found.about(name)
        headers = {
            "ETag": f'"{about.get("lfs", {}).get("sha256") or about["oid"]}"',
            "X_Repo_Commit": found.sha,
        }
        self._send(200, found.files[name], **headers)

    # Writing

    def whoami(self) -> None:
        if (user := self._user()) is None:
            return self._send(401, {"error": "Invalid username or password."})
        about = {
            "type": "user",
            "name": user,
            "fullname": user.title(),
            "avatarUrl": "",
            "orgs": GROUPS[user],
        }
        self._send(200, about)

    def create(self) -> None:
        asked, user = json.loads(self.body), self._user()
        owner = asked.get("organization") or user
        id = f"{owner}/{asked['name']}"
        if user is None or owner not in (
            user,
            *(o["name"] for o in GROUPS[user] if o["roleInOrg"] == "write"),
        ):
            return self._send(403)
        if id in self.hub.repositories:
            return self._send(409)
        private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.repositories[id] = Repository({".gitattributes": b"*.safetensors filter=lfs\n"}, private)
        self._send(200, {"url": f"{self.hub.url}/{id}"})

    def yaml(self) -> None:
        front = json.loads(self.body)["content"].split("---")[1]
        missing = [key for key in ("license:", "library_name:") if key not in front]
        self._send(200, {"errors": [{"message": key} for key in missing], "warnings": []})

    def preupload(self, id: str) -> None:
        names = [file["path"] for file in json.loads(self.body)["files"]]
        modes = {name: "lfs" if name.endswith(LARGE) else "regular" for name in names}
        files = [{"path": name, "uploadMode": modes[name], "shouldIgnore": False} for name in names]
        self._send(200, {"files": files})

    def batch(self, id: str) -> None:
        objects = json.loads(self.body)["objects"]
        for found in objects:
            found["actions"] = {"upload": {"href": f"{self.hub.url}/upload/{found['oid']}"}}
        self._send(200, {"transfer": "basic", "objects": objects})

    def upload(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._send(400)
        self.hub.uploads[oid] = self.body
        self._send(200)

    def commit(self, id: str) -> None:
        user, found = self._user(), self.hub.repositories[id]
        if user is None:
            return self._send(401)
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit") not in (None, found.sha):
            return self._send(412)
        for line in lines[1:]:
            value = line["value"]
            large = line["key"] == "lfsFile"
            content = self.hub.uploads[value["oid"]] if large else base64.b64decode(value["content"])
            found.files[value["path"]] = content
        found.commits += 1
        found.messages.append(header["summary"])
        self._send(200, {"commitUrl": f"{self.hub.url}/{id}/commit/{found.sha}", "commitOid": found.sha})

    # Signing in

    def openid(self) -> None:
        url = self.hub.url
        about = {"issuer": url, "authorization_endpoint": f"{url}/oauth/authorize"}
        about |= {"token_endpoint": f"{url}/oauth/token", "jwks_uri": f"{url}/oauth/keys"}
        self._send(200, about | {"id_token_signing_alg_values_supported": ["RS256"]})

    def authorize(self) -> None:
        """The person agrees at once; the code carries what the token will need."""
        code = json.dumps({k: self.query.get(k) for k in ("nonce", "client_id", "scope")})
        back = {"code": base64.urlsafe_b64encode(code.encode()).decode(), "state": self.query["state"]}
        to = self.query["redirect_uri"]
        self._send(302, Location=f"{to}{'&' if '?' in to else '?'}{urlencode(back)}")

    def token(self) -> None:
        from joserfc import jwt

        asked = json.loads(base64.urlsafe_b64decode(parse_qs(self.body.decode())["code"][0]))
        person, now = self.hub.person, int(time.time())
        claims = {"iss": self.hub.url, "aud": asked["client_id"], "sub": person, "nonce": asked["nonce"]}
        claims |= {"iat": now, "exp": now + 3600, "name": person.title(), "preferred_username": person}
        claims |= {"profile": f"{self.hub.url}/{person}", "picture": ""}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, signing_key())
        found = {"access_token": f"hf_{person}", "token_type": "bearer", "expires_in": 3600}
        self._send(
            200, found | {"id_token": signed, "scope": asked["scope"]}, Content_Type="application/json"
        )

    def keys(self) -> None:
        self._send(200, {"keys": [signing_key().as_dict(private=False)]})


_KEYS: list[Any] = []


def signing_key() -> Any:
    """Of the identity provider, made once."""
    from joserfc.jwk import RSAKey

    if not _KEYS:
        _KEYS.append(RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}))
    return _KEYS[0]


ID = r"([^/]+/[^/]+)"
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", rf"/api/models/{ID}", Answers.info),
    ("GET", rf"/api/models/{ID}/revision/(.+)", Answers.info),
    ("POST", rf"/api/models/{ID}/paths-info/(.+)", Answers.paths),
    ("GET HEAD", rf"/{ID}/resolve/([^/]+)/(.+)", Answers.resolve),
    ("GET", "/api/whoami-v2", Answers.whoami),
    ("POST", "/api/repos/create", Answers.create),
    ("POST", "/api/validate-yaml", Answers.yaml),
    ("POST", rf"/api/models/{ID}/preupload/main", Answers.preupload),
    ("POST", rf"/{ID}\.git/info/lfs/objects/batch", Answers.batch),
    ("PUT", "/upload/(.+)", Answers.upload),
    ("POST", rf"/api/models/{ID}/commit/main", Answers.commit),
    ("GET", r"/\.well-known/openid-configuration", Answers.openid),
    ("GET", "/oauth/authorize", Answers.authorize),
    ("POST", "/oauth/token", Answers.token),
    ("GET", "/oauth/keys", Answers.keys),
]
