"""The HTTP API as a stranger on the same machine meets it: real process, real sockets."""

import hashlib
import json
import socket
import stat
import subprocess
import sys
import time
import uuid

import httpx
import pytest
from running_server import RunningServer

from model_server.engines.choose import engine_names

CONTENT = bytes(range(256)) * 4096
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RunningServer(tmp_path_factory.mktemp("data"), "--max-file-gb", "0.01") as running:
        yield running


def _hash(content):
    return hashlib.sha256(content).hexdigest()


def _new_content(size=300_000):
    return uuid.uuid4().bytes + CONTENT[:size]


def _request(**change):
    return {"clip": {"name": "shot", "files": [{"name": "shot.mov", "sha256": SHA}], "fps": None}} | change


def _error(answer, status, code):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == code, error
    assert error["message"]
    return error


def _raw(server, text):
    """What the server answers to bytes that no client library would send."""
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def test_health_needs_no_token_and_says_what_the_server_is(server):
    answer = httpx.get(f"{server.address}/v1/health", trust_env=False)
    assert answer.status_code == 200
    health = answer.json()
    assert health["state"] in ("idle", "busy")
    assert health["versions"] == {"server": "0.1.0", "api": 1, "package": "1.0"}
    assert [engine["name"] for engine in health["engines"]] == list(engine_names())
    assert str(server.data) not in answer.text


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x"])
def test_every_other_call_needs_the_token(server, header):
    headers = {"Authorization": header.format(token=server.token)} if header else {}
    paths = ["/v1/jobs/x", f"/v1/files/{SHA}", "/docs", "/openapi.json", "/v1/health/", "/v1/jobs/x/package/a"]
    for path in paths:
        _error(httpx.get(server.address + path, headers=headers, trust_env=False), 401, "wrong_token")


def test_the_token_is_for_its_owner_alone_and_stays_the_same(tmp_path):
    with RunningServer(tmp_path / "data") as first:
        token = first.token
    assert stat.S_IMODE((tmp_path / "data/token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert len(token) >= 32
    with RunningServer(tmp_path / "data") as second:
        assert second.token == token


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8712", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_requests_by_another_name_are_refused(server, host):
    _error(server.client.get("/v1/health", headers={"Host": host}), 403, "wrong_host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8712"])
def test_this_machine_has_several_names(server, host):
    assert server.client.get("/v1/health", headers={"Host": host}).status_code == 200


def test_no_other_origin_may_read_answers(server):
    answer = server.client.options(
        "/v1/health", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_unknown_paths_and_methods_have_the_one_error_shape(server):
    _error(server.client.get("/nothing"), 404, "not_found")
    _error(server.client.post("/v1/health"), 405, "method_not_allowed")
    _error(server.client.get(f"/v1/jobs/{uuid.uuid4()}"), 404, "no_such_job")


def test_a_file_is_kept_once_its_hash_is_checked(server):
    content = _new_content()
    url = f"/v1/files/{_hash(content)}"
    assert server.client.head(url).status_code == 404
    assert server.client.put(url, content=content).status_code == 201
    assert server.client.head(url).status_code == 200
    assert server.client.put(url, content=content).status_code == 200


def test_a_file_with_another_hash_is_thrown_away(server):
    content = _new_content()
    url = f"/v1/files/{_hash(content)}"
    _error(server.client.put(url, content=content[:-1] + b"!"), 422, "wrong_content")
    assert server.client.head(url).headers["Upload-Offset"] == "0"


def test_a_cut_off_upload_goes_on_where_it_stopped(server):
    content = _new_content()
    half, url = len(content) // 2, f"/v1/files/{_hash(content)}"
    head = f"PUT {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n"
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:  # says all, sends half, hangs up
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:half])
    offset = _settled_offset(server, url)
    assert 0 < offset <= half
    rest = {"Content-Range": f"bytes {offset}-{len(content) - 1}/{len(content)}"}
    assert server.client.put(url, content=content[offset:], headers=rest).status_code == 201
    assert server.client.head(url).headers["Upload-Offset"] == str(len(content))


def _settled_offset(server, url):
    """The server needs a moment to see that the client is gone."""
    for _ in range(100):
        answer = server.client.head(url)
        if int(answer.headers["Upload-Offset"]):
            time.sleep(0.1)
            return int(server.client.head(url).headers["Upload-Offset"])
        time.sleep(0.05)
    raise AssertionError("nothing arrived")


def test_a_file_may_come_in_parts(server):
    content = _new_content()
    url, third = f"/v1/files/{_hash(content)}", len(content) // 3
    for start in range(0, len(content), third):
        part = content[start : start + third]
        headers = {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}"}
        answer = server.client.put(url, content=part, headers=headers)
        last = start + third >= len(content)
        assert answer.status_code == (201 if last else 202)
        assert answer.headers["Upload-Offset"] == str(start + len(part))


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ("bytes 10-19/100", 409, "wrong_offset"),
        ("bytes 0-9/5", 400, "bad_range"),
        ("bytes 9-0/10", 400, "bad_range"),
        ("bytes 0-8/100", 400, "bad_range"),
        ("bytes */100", 400, "bad_range"),
        ("lines 0-9/10", 400, "bad_range"),
        ("bytes 0-9/99999999999999999999", 400, "bad_range"),
        ("bytes 0-9/999999999999", 413, "file_too_large"),
    ],
)
def test_bad_ranges_are_refused(server, value, status, code):
    url = f"/v1/files/{_hash(_new_content())}"
    _error(server.client.put(url, content=b"0123456789", headers={"Content-Range": value}), status, code)


def test_files_over_the_limit_are_refused_announced_or_not(server):
    url = f"/v1/files/{'0' * 64}"
    _error(server.client.put(url, content=bytes(10_000_001)), 413, "file_too_large")
    _error(server.client.put(url, content=(bytes(1 << 20) for _ in range(11))), 413, "file_too_large")


@pytest.mark.parametrize("name", ["A" * 64, "0" * 63, "..%2f..%2fetc%2fpasswd", "%00" * 64, "0" * 64 + "%0a"])
def test_only_a_sha256_names_a_file(server, name):
    answer = server.client.put(f"/v1/files/{name}", content=b"x")
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "name",
    [
        *'../a a/b a\\b /etc/passwd .. . C:x .hidden nul con.png a. a:b a|b a"b'.split(),
        *("", "a\0b", "a\nb", " a", "x" * 256, "ü" * 200),
    ],
)
def test_footage_names_are_plain(server, name):
    body = _request(clip={"name": "shot", "files": [{"name": name, "sha256": SHA}]})
    _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", json=body), 422, "bad_request")


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"engine": "other"},
        {"frames": {"first": 1, "last": 10, "step": 0}},
        {"frames": {"first": 10**12}},
        {"lens": {"focal_mm": -1, "sensor_mm": 36}},
        {"lens": {"focal_mm": 35}},
        {"solve": {"distortion": [0.1, 0.2]}},
        {"solve": {"distortion": "some"}},
        {"solve": {"smoothing": 1.5}},
        {"solve": {"mode": "fly"}},
        {"shadows": "perhaps"},
        {"clip": {"name": "x", "files": []}},
        {"clip": {"name": "x", "files": [{"name": "a.png", "sha256": SHA}, {"name": "A.png", "sha256": SHA}]}},
        {"clip": {"name": "x", "files": [{"name": "a.png", "sha256": "0"}]}},
        {"clip": {"name": "x", "files": [{"name": "a.png", "sha256": SHA}], "fps": [24, 0]}},
    ],
    ids=json.dumps,
)
def test_requests_that_break_the_schema_are_refused(server, change):
    _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", json=_request(**change)), 422, "bad_request")


def test_what_contradicts_itself_is_refused_not_ignored(server):
    zoom_of_one_focal_length = _request(solve={"mode": "zoom"}, lens={"focal_mm": 35, "sensor_mm": 36})
    error = _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", json=zoom_of_one_focal_length), 400, "bad_input")
    assert error["hint"]


def test_a_frame_range_that_is_empty_is_refused(server):
    body = _request(frames={"first": 9, "last": 3})
    _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", json=body), 400, "bad_input")


@pytest.mark.parametrize("job_id", ["1", str(uuid.UUID(int=7)).upper().replace("0", "A"), "..", "a" * 36, "%2e%2e"])
def test_only_a_uuid_names_a_job(server, job_id):
    answer = server.client.put(f"/v1/jobs/{job_id}", json=_request())
    assert answer.status_code in (400, 404, 405)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"null", b"\xff\xfe", b'{"clip": ' * 50_000])
def test_bodies_that_are_no_request_are_refused(server, body):
    _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", content=body), 422, "bad_request")


def test_a_huge_request_is_refused(server):
    chunks = (b" " * (1 << 20) for _ in range(26))
    _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", content=chunks), 413, "request_too_large")


def test_files_that_were_not_sent_are_named(server):
    files = [{"name": f"shot.{n:04d}.exr", "sha256": _hash(str(n).encode())} for n in range(7)]
    body = _request(clip={"name": "shot", "files": files})
    error = _error(server.client.put(f"/v1/jobs/{uuid.uuid4()}", json=body), 409, "files_missing")
    assert "7 files" in error["message"]
    assert "shot.0000.exr" in error["message"]


def test_garbage_on_the_socket_does_not_end_the_server(server):
    for text in ("GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /v1/health HTTP/1.1\r\n\r\n", "\0" * 1000):
        assert " 200 " not in _raw(server, text).split("\r\n")[0]
    assert server.client.get("/v1/health").status_code == 200


def test_two_servers_never_share_a_data_folder(server):
    run = _failing_server("--port", "0", "--data", server.data)
    assert run.returncode == 2
    assert len(run.stderr.strip().splitlines()) == 1
    assert "another process works in" in run.stderr


def test_a_port_that_is_taken_is_one_clear_line(server, tmp_path):
    port = server.address.rpartition(":")[2]
    run = _failing_server("--port", port, "--data", tmp_path)
    assert run.returncode == 2
    assert len(run.stderr.strip().splitlines()) == 1
    assert f"port {port}" in run.stderr


def _failing_server(*options):
    command = [sys.executable, "-m", "model_server", "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
