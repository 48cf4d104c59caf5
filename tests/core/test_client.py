"""The client against an HTTP server: who is there, uploads and downloads that are cut off, words for every failure."""

import hashlib
import http.server
import shutil
import threading

import pytest
from example_package import write_example
from stand_in_server import TOKEN, StandInServer
from synthetic import synthetic_clip

from page4d_blender.core.access import NoToken, find_token, parse_address
from page4d_blender.core.client import Client, NoAnswer, ServerError, connect
from page4d_blender.core.errors import PackageError
from page4d_blender.core.package import open_package
from page4d_blender.core.transfer import Stopped, download_package, send_file

GO_ON = threading.Event()


@pytest.fixture
def package(tmp_path):
    write_example(tmp_path / "made.page4d", synthetic_clip(frames=4, width=160, height=120))
    return tmp_path / "made.page4d"


def client_of(server: StandInServer) -> Client:
    return Client(parse_address(server.address), TOKEN)


def test_connect_names_who_is_not_there():
    with pytest.raises(NoAnswer, match="no server answers") as raised:
        connect(parse_address("http://127.0.0.1:9"))
    assert "page4d-server serve" in raised.value.hint


def test_connect_refuses_another_api_version():
    with StandInServer(api=2) as server, pytest.raises(ServerError, match="speaks API 2") as raised:
        connect(parse_address(server.address), TOKEN)
    assert raised.value.hint == "update the extension"


def test_connect_refuses_what_is_no_page4d_server():
    with _some_web_server() as port, pytest.raises(ServerError, match="is not a Page4D server"):
        connect(parse_address(f"127.0.0.1:{port}"), TOKEN)


def test_connect_says_that_the_token_is_wrong():
    with StandInServer() as server, pytest.raises(ServerError, match="token is missing or wrong") as raised:
        connect(parse_address(server.address), "another")
    assert raised.value.hint


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with StandInServer() as server:
        assert client_of(server).health().server == "9.9"


def test_an_upload_that_was_cut_off_sends_only_the_rest(tmp_path):
    content = bytes(range(256)) * 9000
    file = tmp_path / "shot.mov"
    file.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    there = []
    with StandInServer() as server:
        server.files[sha256] = content[:1_000_000]
        send_file(client_of(server), file, sha256, there.append, GO_ON)
        assert server.files[sha256] == content
        assert server.asked[-1][2] == f"bytes 1000000-{len(content) - 1}/{len(content)}"
        assert there == sorted(there)
        assert (there[0], there[-1]) == (1_000_000, len(content))


def test_a_file_that_is_there_is_not_sent(tmp_path):
    file = tmp_path / "shot.mov"
    file.write_bytes(b"frames")
    sha256 = hashlib.sha256(b"frames").hexdigest()
    with StandInServer() as server:
        server.files[sha256] = b"frames"
        send_file(client_of(server), file, sha256, lambda _: None, GO_ON)
        assert [method for method, _, _ in server.asked] == ["HEAD"]


def test_a_download_that_broke_off_goes_on_and_the_manifest_comes_last(package, tmp_path):
    target, path = tmp_path / "got", "images.npy"
    with StandInServer(package) as server:
        server.cut_after[path] = 100_000
        with pytest.raises(NoAnswer, match="broke off"):
            download_package(client_of(server), "id", target, lambda _: None, GO_ON)
        assert not (target / "manifest.json").exists()
        done = []
        download_package(client_of(server), "id", target, done.append, GO_ON)
        assert ("GET", f"/v1/jobs/id/package/{path}", "bytes=65536-") in server.asked
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert (open_package(target).images == open_package(package).images).all()


def test_a_damaged_file_is_fetched_again(package, tmp_path):
    shutil.copytree(package, tmp_path / "got")
    (tmp_path / "got/manifest.json").unlink()
    damaged = tmp_path / "got/depth.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with StandInServer(package) as server:
        with pytest.raises(NoAnswer, match="damaged"):
            download_package(client_of(server), "id", tmp_path / "got", lambda _: None, GO_ON)
        download_package(client_of(server), "id", tmp_path / "got", lambda _: None, GO_ON)
    assert (tmp_path / "got/depth.npy").read_bytes() == (package / "depth.npy").read_bytes()


@pytest.mark.parametrize("path", ["../evil.npy", "/etc/evil", "a/../../evil", "C:\\evil", "a//b", ""])
def test_a_result_can_not_write_outside_of_its_folder(tmp_path, path):
    made = tmp_path / "made"
    made.mkdir()
    listed = f'{{"files": {{"{path.replace(chr(92), chr(92) * 2)}": {{"bytes": 1, "sha256": "x"}}}}}}'
    (made / "manifest.json").write_text(listed)
    with StandInServer(made) as server, pytest.raises(PackageError, match="names a file"):
        download_package(client_of(server), "id", tmp_path / "got", lambda _: None, GO_ON)


def test_a_stop_ends_a_download(package, tmp_path):
    stop = threading.Event()
    stop.set()
    with StandInServer(package) as server, pytest.raises(Stopped):
        download_package(client_of(server), "id", tmp_path / "got", lambda _: None, stop)


@pytest.mark.parametrize(
    ("text", "url", "here"),
    [
        ("127.0.0.1:8712", "http://127.0.0.1:8712", True),
        (" http://localhost:1/ ", "http://localhost:1", True),
        ("http://[::1]:8712", "http://[::1]:8712", True),
        ("https://farm.example:8712", "https://farm.example:8712", False),
        ("http://127.0.0.1.example.com", "http://127.0.0.1.example.com", False),
    ],
)
def test_only_loopback_is_this_machine(text, url, here):
    address = parse_address(text)
    assert (address.url, address.is_this_machine) == (url, here)


def test_the_token_of_a_server_here_goes_to_no_other_machine(tmp_path, monkeypatch):
    monkeypatch.delenv("PAGE4D_TOKEN", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "page4d").mkdir()
    (tmp_path / "page4d/token").write_text("ours\n")
    assert find_token(parse_address("http://127.0.0.1:8712")) == "ours"
    with pytest.raises(NoToken):
        find_token(parse_address("https://farm.example"))


def _some_web_server():
    class Server(http.server.ThreadingHTTPServer):
        def __enter__(self):
            threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            return self.server_port

        def __exit__(self, *_):
            self.shutdown()
            self.server_close()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_): ...

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

    return Server(("127.0.0.1", 0), Handler)
