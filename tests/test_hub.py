import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from huggingface_hub import close_session, constants

from autoreg import hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face Hub as one repository of small files needs."""

    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200, **headers):
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(payload), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def do_GET(self):
        files, path = self.server.files, urlsplit(self.path).path
        etags = {name: hashlib.sha1(content).hexdigest() for name, content in files.items()}
        if path.startswith("/api/models/owner/name/revision/"):
            self.answer({"id": "owner/name", "sha": COMMIT, "siblings": [], "private": False})
        elif path.startswith("/api/models/owner/name/tree/"):
            self.answer(
                [
                    {"type": "file", "path": name, "size": len(files[name]), "oid": etags[name]}
                    for name in files
                ]
            )
        elif (name := path.removeprefix(f"/owner/name/resolve/{COMMIT}/")) in files:
            self.server.fetched.add(name)
            self.answer(files[name], ETag=f'"{etags[name]}"', X_Repo_Commit=COMMIT)
        else:
            self.answer({"error": "none"}, 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != "Bearer secret":
            self.answer({"error": "Invalid user token."}, 401)
        elif self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self.answer({"url": f"{self.server.address}/owner/name"})
        elif self.path.endswith("/preupload/main"):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self.answer({"files": files})
        elif self.path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    value = line["value"]
                    self.server.files[value["path"]] = base64.b64decode(value["content"])
            url = f"{self.server.address}/owner/name/commit/{COMMIT}"
            self.answer({"commitUrl": url, "commitOid": COMMIT})
        else:
            self.answer({})

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.address = f"http://127.0.0.1:{server.server_port}"
        server.files, server.fetched, server.created = {}, set(), []
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "secret")
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    close_session()


def test_what_is_published_is_fetched_and_nothing_else(tmp_path, server):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.json").write_bytes(b"{}")
    (folder / "weights.safetensors").write_bytes(bytes(range(256)))
    assert hub.publish(folder, "owner/name", private=True) == f"{server.address}/owner/name"
    # How the wish is worded depends on the version of the client.
    assert "private" in (server.created[0].get("visibility"), *server.created[0])
    server.files["code.py"] = b"raise SystemExit"
    fetched, root = hub.fetch(
        "hf:owner/name@v1", ["model.json", "weights.safetensors", "README.md"]
    )
    assert {path.name for path in fetched.iterdir()} == {"model.json", "weights.safetensors"}
    assert server.fetched == {"model.json", "weights.safetensors"}
    for path in folder.iterdir():
        assert (fetched / path.name).read_bytes() == path.read_bytes()
        assert (fetched / path.name).resolve().is_relative_to(root)


def test_without_a_network_the_cache_is_used(tmp_path, server, monkeypatch):
    server.files["model.json"] = b"{}"
    fetched, _ = hub.fetch("hf:owner/name", ["model.json"])
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert hub.fetch("hf:owner/name", ["model.json"])[0] == fetched


def test_what_the_hub_does_not_have_is_one_clear_error(server):
    with pytest.raises(ConnectionError, match=r"^hf:nobody/none cannot be fetched: RepositoryNot"):
        hub.fetch("hf:nobody/none", ["model.json"])
    with pytest.raises(
        ConnectionError, match=r"^hf:\.\./\.\./etc cannot be fetched: HFValidation"
    ):
        hub.fetch("hf:../../etc", ["model.json"])


def test_a_hub_that_does_not_answer_is_one_clear_error(server, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match=r"^hf:owner/name cannot be fetched: [^\n]*$"):
        hub.fetch("hf:owner/name", ["model.json"])


def test_a_hub_that_refuses_to_be_written_is_one_clear_error(tmp_path, server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(ConnectionError, match=r"^hf:owner/name cannot be written: .*401"):
        hub.publish(tmp_path, "owner/name")
    assert server.files == {}
