"""Storages: what a file contains, who may read it, and what happens if it cannot be written."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from refresh_sessions.client import (
    FileStorage,
    LoginRequiredError,
    MemoryStorage,
    StorageError,
    Tokens,
    TransientError,
)
from tests.python_client.model_server import BASE_URL, lost

TOKENS = Tokens(
    base_url=BASE_URL,
    access="access-1",
    refresh="refresh-1",
    companion="name=value",
    expires_in=60,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def storage(path):
    return FileStorage(path)


@pytest.fixture
def auth(make_auth, storage):
    return make_auth(storage=storage)


class TestFile:
    def test_tokens_are_read_as_they_were_saved(self, storage, path):
        assert storage.load() is None
        storage.save(TOKENS)
        assert FileStorage(str(path)).load() == TOKENS
        storage.clear()
        storage.clear()
        assert storage.load() is None

    def test_file_and_lock_are_private_whatever_the_umask(self, storage, path):
        before = os.umask(0)
        try:
            with storage.lock(1):
                storage.save(TOKENS)
        finally:
            os.umask(before)
        for file in (path, path.with_name("tokens.json.lock")):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
    def test_file_that_others_can_read_is_refused_with_the_command(self, storage, path, mode):
        storage.save(TOKENS)
        path.chmod(mode)
        with pytest.raises(StorageError) as raised:
            storage.load()
        assert f"chmod 600 {path}" in str(raised.value)
        assert (raised.value.action, raised.value.code) == ("fix", "storage_readable")

    @pytest.mark.parametrize("length", [0, 1, 20, 100, -1])
    def test_file_that_is_cut_off_is_an_error_and_stays(self, storage, path, length):
        storage.save(TOKENS)
        content = path.read_bytes()[:length]
        path.write_bytes(content)
        with pytest.raises(StorageError, match="Delete it and log in again") as raised:
            storage.load()
        assert "refresh-1" not in str(raised.value)
        assert path.read_bytes() == content

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "refresh_sessions.client/2"},
            {"access": ""},
            {"access": "a\nb"},
            {"refresh": 5},
            {"refresh": None},
            {"expires_in": "60"},
            {"expires_in": True},
            {"received_at": None},
            {"base_url": 1},
            {"companion": [1]},
            {"more": 1},
        ],
    )
    def test_file_with_other_values_is_an_error(self, storage, path, change):
        storage.save(TOKENS)
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        with pytest.raises(StorageError, match="not a complete token file"):
            storage.load()

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe", b"[]", b"null", b"5", b"[" * 50_000, b"x" * 10**6]
    )
    def test_foreign_file_is_an_error(self, storage, path, content):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(StorageError):
            storage.load()

    def test_directory_and_pipe_are_errors_and_do_not_block(self, tmp_path):
        with pytest.raises(StorageError):
            FileStorage(tmp_path).load()
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(StorageError, match="not a file"):
            FileStorage(tmp_path / "pipe").load()

    def test_symbolic_link_stays_a_link(self, tmp_path, path):
        path.symlink_to(tmp_path / "elsewhere.json")
        FileStorage(path).save(TOKENS)
        assert path.is_symlink()
        assert FileStorage(tmp_path / "elsewhere.json").load() == TOKENS

    def test_failed_save_keeps_the_old_file(self, storage, monkeypatch):
        storage.save(TOKENS)
        new = TOKENS.renewed(access="access-2", refresh="refresh-2", companion=None, expires_in=1)

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        for name in ("fsync", "replace"):
            with monkeypatch.context() as patch:
                patch.setattr(os, name, full if name == "fsync" else lambda *_: full(0))
                with pytest.raises(StorageError, match="No space left on device"):
                    storage.save(new)
            assert storage.load() == TOKENS

    def test_save_waits_for_the_disk_with_file_and_directory(self, storage, path, monkeypatch):
        synced, sync = [], os.fsync

        def recording(descriptor):
            synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", recording)
        storage.save(TOKENS)
        assert synced == [False, True]

    def test_file_left_by_a_killed_process_is_no_obstacle(self, storage, path):
        path.with_name(".tokens.json.new").write_text("half")
        storage.save(TOKENS)
        assert storage.load() == TOKENS
        assert not path.with_name(".tokens.json.new").exists()

    def test_lock_of_another_object_is_waited_for(self, path):
        with FileStorage(path).lock(1), pytest.raises(TimeoutError), FileStorage(path).lock(0.1):
            pass
        with FileStorage(path).lock(0):
            pass

    def test_repr_names_the_path_alone(self, storage, path):
        storage.save(TOKENS)
        assert repr(storage) == f"FileStorage({str(path)!r})"


class TestRequests:
    """What a request does if the file is not there or cannot be written."""

    @pytest.fixture
    def aged(self, auth, simulated):
        auth.login()
        simulated.advance(61)

    def test_missing_directory_is_created_for_this_user_alone(self, make_auth, tmp_path):
        auth = make_auth(storage=FileStorage(tmp_path / "a" / "b" / "tokens.json"))
        assert auth.access_token()
        assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700

    def test_impossible_directory_is_an_error_before_anything_is_sent(
        self, server, make_auth, path
    ):
        path.touch(0o600)
        auth = make_auth(storage=FileStorage(path / "tokens.json"))
        with pytest.raises(StorageError, match="directory exists"):
            auth.access_token()
        assert not server.seen

    def test_directory_deleted_during_a_refresh_is_an_error_and_no_login(
        self, server, auth, aged, path
    ):
        def delete(request, answer):
            for file in path.parent.iterdir():
                file.unlink()
            path.parent.rmdir()
            path.parent.touch()
            return answer()

        server.faults["/refresh/"].append(delete)
        with pytest.raises(StorageError):
            auth.access_token()
        assert server.calls["/login/"] == 1

    def test_full_disk_is_noticed_before_the_refresh(
        self, server, storage, auth, aged, monkeypatch
    ):
        before = storage.load()

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            for _ in range(12):
                with pytest.raises(StorageError, match="disk has space"):
                    auth.access_token()
        assert server.calls["/refresh/"] == 0
        assert storage.load() == before
        assert auth.access_token()

    def test_forbidden_directory_is_noticed_before_the_refresh(
        self, server, auth, aged, monkeypatch
    ):
        open_file = os.open

        def forbid_new(path, flags, *mode):
            if flags & os.O_CREAT:
                raise PermissionError(errno.EACCES, "Permission denied")
            return open_file(path, flags, *mode)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", forbid_new)
            with pytest.raises(StorageError, match="Permission denied"):
                auth.access_token()
        assert server.calls["/refresh/"] == 0
        assert auth.access_token()

    def test_tokens_that_could_not_be_saved_are_saved_by_the_next_request(
        self, server, simulated, storage, auth, aged, monkeypatch
    ):
        """Otherwise each request would be one more retry of a lost answer."""

        def failing(tokens):
            raise StorageError("full", code="storage_failed")

        with monkeypatch.context() as patch:
            patch.setattr(storage, "save", failing)
            for _ in range(12):
                with pytest.raises(StorageError, match="full"):
                    auth.access_token()
        assert server.calls["/refresh/"] == 1
        assert auth.access_token() == storage.load().access
        assert server.calls["/refresh/"] == 1
        assert storage.load().refresh == "r.1.2"

    @pytest.mark.parametrize("password", [None, "correct horse"])
    def test_file_deleted_during_a_refresh_is_a_logout(
        self, server, simulated, make_auth, storage, path, password
    ):
        auth = make_auth(storage=storage, username=password and "ada@example.org")
        auth.login("ada@example.org", "correct horse")
        simulated.advance(61)

        def delete(request, answer):
            path.unlink()
            return answer()

        server.faults["/refresh/"].append(delete)
        if password:
            assert auth.access_token() == storage.load().access
            assert server.session == 2
        else:
            with pytest.raises(LoginRequiredError, match="logged out"):
                auth.access_token()
            assert not path.exists()

    def test_file_that_becomes_readable_stops_the_refresh(self, server, auth, aged, path):
        path.chmod(0o644)
        with pytest.raises(StorageError, match="chmod 600"):
            auth.access_token()
        assert server.calls["/refresh/"] == 0
        path.chmod(0o600)
        assert auth.access_token()

    def test_tokens_of_another_server_are_not_sent(self, server, make_auth, storage, auth):
        auth.login()
        other = make_auth("https://other.example.org/auth/", storage=storage)
        with pytest.raises(StorageError, match="Give each server its own storage"):
            other.access_token()
        with pytest.raises(StorageError):
            other.refresh()
        assert {one.url.host for one in server.seen} == {"api.example.org"}

    def test_second_process_uses_the_tokens_of_the_file(self, server, make_auth, auth, path):
        token = auth.access_token()
        other = make_auth(storage=FileStorage(path), username=None)
        assert other.access_token() == token
        other.refresh()
        assert server.calls == {"/login/": 1, "/refresh/": 1}

    def test_killed_process_repeats_the_refresh_with_the_stored_token(
        self, server, simulated, make_auth, auth, aged, path
    ):
        server.faults["/refresh/"].append(lost)
        for pause in (2, 20, 3600):
            simulated.advance(pause)
            killed = make_auth(storage=FileStorage(path))
            killed._source.storage.save = _die
            with pytest.raises(KeyboardInterrupt):
                killed.refresh()
        simulated.advance(20)
        assert auth.access_token()
        assert server.calls["/login/"] == 1
        assert server.reuses == 0

    def test_busy_lock_is_a_transient_error(self, auth, storage, monkeypatch):
        monkeypatch.setattr("refresh_sessions.client.token_source.LOCK_TIMEOUT", 0.05)
        with storage.lock(1), pytest.raises(TransientError) as raised:
            auth.access_token()
        assert raised.value.code == "storage_locked"


def _die(tokens):
    raise KeyboardInterrupt


class TestMemory:
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_forked_process_has_no_tokens_and_a_free_lock(self):
        storage = MemoryStorage()
        storage.save(TOKENS)
        with storage.lock(1):
            child = os.fork()
            if child == 0:
                try:
                    with storage.lock(0):
                        os._exit(3 if storage.load() is None else 4)
                finally:
                    os._exit(5)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 3
        assert storage.load() == TOKENS

    def test_custom_storage_with_the_five_methods_is_enough(self, server, make_auth, simulated):
        class Rows:
            def __init__(self):
                self.row, self.memory = None, MemoryStorage()

            def load(self):
                return self.row and Tokens.from_json(self.row)

            def save(self, tokens):
                self.row = tokens.to_json()

            def clear(self):
                self.row = None

            def lock(self, timeout):
                return self.memory.lock(timeout)

            def check_writable(self):
                pass

        rows = Rows()
        auth = make_auth(storage=rows)
        first = auth.access_token()
        simulated.advance(61)
        assert auth.access_token() != first
        auth.logout()
        assert rows.row is None


def test_path_with_a_tilde_is_below_the_home_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FileStorage("~/t.json").path == tmp_path / "t.json"
    assert FileStorage("t.json").path == Path.cwd() / "t.json"
