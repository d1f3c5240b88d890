"""``zoo models`` as it is typed: what is pulled answers as what was pushed; of what was changed nothing is kept."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.model.manifest import CARD, MANIFEST, README, WEIGHTS, digest_of
from zoo_hub.pull import pull_model

Zoo = Callable[..., tuple[int, str, str]]
FILES = {WEIGHTS, CARD, README, MANIFEST}


@pytest.fixture(scope="module")
def shared(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in a shared folder; read only."""
    from zoo_hub.push import push_model

    folder = tmp_path_factory.mktemp("shared")
    push_model(str(digits_run), str(folder), name="digits", license="mit")
    return folder / "digits"


@pytest.fixture
def copied(shared: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(shared, tmp_path / "copied"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(5):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (20, 20), np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def document(zoo: Zoo) -> Callable[..., dict]:
    def typed(*words: object) -> dict:
        code, out, err = zoo("models", *words, "--json")
        assert code == 0, err
        return json.loads(out)

    return typed


# -- there and back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_model_that_was_pushed_and_pulled_answers_to_the_byte_as_the_run(zoo, document, digits_run, pictures, form):
    target, source = ("shared", "shared/digits") if form == "folder" else ("one.zip", "one.zip")
    pushed = document("push", digits_run, target, "--name", "digits", "--license", "apache-2.0")
    pulled = document("pull", source, "--sha256", pushed["digest"])
    assert pulled["status"] == "pulled"
    assert pulled["digest"] == pushed["digest"] == digest_of(Path("models/digits", MANIFEST).read_bytes())
    assert {p.name for p in Path("models/digits").iterdir()} == FILES
    assert (Path("models/digits") / WEIGHTS).read_bytes() == (digits_run / "model" / WEIGHTS).read_bytes()
    answers = [zoo("predict", model, pictures, "--json") for model in (digits_run, "models/digits", "models/digits")]
    assert answers[0][0] == 0
    assert answers[0][1] == answers[1][1] == answers[2][1]


def test_a_model_of_colours_with_its_own_folder_is_used_elsewhere(zoo, document, colours_run, colours):
    document("push", colours_run, "shared", "--name", "colours")
    document("pull", "shared/colours")
    code, out, err = zoo("evaluate", "models/colours", colours, "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"]["all"]["accuracy"] == 1.0


def test_the_same_model_is_the_same_files_and_nothing_is_written_twice(document, digits_run):
    first = document("push", digits_run, "a", "--name", "digits")
    assert document("push", digits_run, "b", "--name", "digits")["digest"] == first["digest"]
    assert document("push", digits_run, "a", "--name", "digits")["status"] == "unchanged"
    document("pull", "a/digits")
    when = Path("models/digits", WEIGHTS).stat().st_mtime_ns
    assert document("pull", "a/digits")["status"] == "unchanged"
    assert Path("models/digits", WEIGHTS).stat().st_mtime_ns == when
    for name in ("one.zip", "two.zip"):
        document("push", digits_run, name, "--name", "digits")
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()


def test_what_was_pulled_is_passed_on_as_it_is(document, refused, shared):
    pulled = document("pull", shared)
    assert document("push", "models/digits", "further")["digest"] == pulled["digest"]
    assert "is shared unchanged" in refused("models", "push", "models/digits", "third", "--license", "gpl-3.0")


def test_a_dry_run_shows_the_card_and_writes_nothing(zoo, digits_run):
    code, out, _ = zoo("models", "push", digits_run, "shared", "--name", "digits", "--dry-run")
    assert code == 0
    assert out.startswith("---\nlibrary_name: visionzoo\nlicense: unknown\n")
    assert "would write   shared/digits" in out
    assert list(Path().iterdir()) == []


def test_models_are_listed_with_what_they_are(zoo, document, shared, copied):
    document("pull", shared)
    (copied / MANIFEST).write_text("{")
    assert [row["at"] for row in document("list")] == ["models/digits"]
    (row,) = document("list", shared)
    assert row["classes"] == 10
    assert row["license"] == "mit"
    assert row["metric"]["name"] == "val/accuracy"
    assert row["metric"]["interval"][0] < row["metric"]["value"] < row["metric"]["interval"][1]
    code, out, _ = zoo("models", "list", copied.parent)
    assert code == 0
    assert "is damaged" in out
    assert "No models found" in zoo("models", "list", ".")[1]


def test_a_list_imports_nothing_heavy(shared):
    code = (
        "import sys; from zoo.__main__ import main; "
        f"assert main(['models', 'list', {str(shared.parent)!r}]) == 0; "
        "print(sorted({'torch', 'numpy', 'timm', 'rich', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# -- what was changed is refused --------------------------------------------------------------------------


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_of_any_file_is_refused(shared, tmp_path, data):
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(shared, copy)
    digest = digest_of((shared / MANIFEST).read_bytes())
    path = copy / data.draw(st.sampled_from(sorted(FILES)))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ZooError):
        pull_model(str(copy), out=tmp_path / "out", sha256=digest)
    if path.name != MANIFEST:  # the others need no digest from elsewhere
        with pytest.raises(ZooError):
            pull_model(str(copy), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_zip_that_was_changed_gives_what_was_pushed_or_nothing(shared, tmp_path, data):
    from zoo_hub.push import push_model

    archive = tmp_path / "model.zip"
    if not archive.exists():
        push_model(str(shared), str(archive))
    whole = archive.read_bytes()
    changed = bytearray(whole)
    at = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.integers(len(whole) - 500, len(whole) - 1)))
    if data.draw(st.booleans()):
        changed[at] ^= data.draw(st.integers(1, 255))
    else:
        del changed[at:]
    other, out = tmp_path / "changed.zip", tmp_path / "out"
    other.write_bytes(changed)
    shutil.rmtree(out, ignore_errors=True)
    try:
        pull_model(str(other), out=out, sha256=digest_of((shared / MANIFEST).read_bytes()))
    except ZooError:
        assert not out.exists()
    else:
        assert all((out / "digits" / name).read_bytes() == (shared / name).read_bytes() for name in FILES)


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_a_shared_model_that_was_changed_is_not_used_in_its_place_either(refused, copied, pictures, name):
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[:-2] + b"xx")
    assert f"{name} of" in refused("predict", copied, pictures)


def test_a_file_that_is_missing_or_a_link_or_could_run_code(refused, copied, tmp_path):
    (copied / README).rename(tmp_path / README)
    assert "README.md of" in refused("models", "pull", copied)
    (copied / README).symlink_to(tmp_path / README)
    assert "is a link" in refused("models", "pull", copied)
    (copied / README).unlink()
    shutil.move(tmp_path / README, copied / README)
    for name in ("model.pkl", "sub/setup.py", "weights.BIN"):
        (copied / name).parent.mkdir(exist_ok=True)
        (copied / name).touch()
        assert "could execute code" in refused("models", "pull", copied)
        (copied / name).unlink()


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "/etc/passwd", "a/../../b", "C:\\evil", "evil.py", "zoo-manifest.json", "", ".", "sub/zoo.json"],
)
def test_a_manifest_that_names_anything_else_is_refused(refused, copied, name):
    said = json.loads((copied / MANIFEST).read_text())
    said["files"][name] = said["files"][README]
    (copied / MANIFEST).write_text(json.dumps(said))
    assert "other files are not accepted" in refused("models", "pull", copied)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "newer zoo"),
        ({"schema": None}, "damaged (schema"),
        ({"name": "../up"}, "damaged (name"),
        ({"classes": "many"}, "damaged (classes"),
        ({"files": {}}, "names no model.safetensors"),
        (
            {"files": {WEIGHTS: {"bytes": 1 << 60, "sha256": "0" * 64}, CARD: {"bytes": 1, "sha256": "0" * 64}}},
            "has 1,152,921,504,606,846,976 bytes; the limit is",
        ),
        ({"files": {WEIGHTS: {"bytes": -1, "sha256": "0" * 64}}}, "damaged (files"),
        ({"files": {WEIGHTS: {"bytes": 1, "sha256": "short"}}}, "damaged (files"),
    ],
)
def test_a_manifest_that_is_not_as_it_must_be_is_refused(refused, copied, change, reason):
    said = {**json.loads((copied / MANIFEST).read_text()), **change}
    (copied / MANIFEST).write_text(json.dumps(said))
    assert reason in refused("models", "pull", copied)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 100_000, '{"schema": 1}', "\xff"])
def test_a_manifest_that_is_none(refused, copied, text):
    (copied / MANIFEST).write_bytes(text.encode("latin-1"))
    assert "damaged" in refused("models", "pull", copied)


def test_an_archive_with_a_link_or_two_models_or_a_bomb(refused, shared, tmp_path):
    def archive(**members: bytes) -> Path:
        path = tmp_path / "made.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for name in FILES:
                made.writestr(name, members.pop(name, (shared / name).read_bytes()))
            for name, content in members.items():
                made.writestr(name, content)
        return path

    assert "could execute code" in refused("models", "pull", archive(**{"x/../../evil.py": b"1"}))
    assert f"it has 2 files {MANIFEST}, not one" in refused("models", "pull", archive(**{f"b/{MANIFEST}": b"{}"}))
    assert README in refused("models", "pull", archive(**{README: b"0" * (50 << 20)}))
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in FILES:
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name == README else 0o644) << 16
            made.writestr(info, (shared / name).read_bytes())
    assert "is a link" in refused("models", "pull", path)
    path.write_bytes(b"PK\x03\x04 not really")
    assert "is damaged" in refused("models", "pull", path)


# -- by https ---------------------------------------------------------------------------------------------


@pytest.fixture
def served(https, zoo, shared):
    """The model at an address, as a folder and as one file."""
    shutil.copytree(shared, https.folder / "digits")
    assert zoo("models", "push", shared, https.folder / "digits.zip")[0] == 0
    return https


def test_an_address_with_its_checksum(document, served, shared, zoo, pictures):
    digest = digest_of((shared / MANIFEST).read_bytes())
    file = digest_of((served.folder / "digits.zip").read_bytes())
    for i, words in enumerate(
        [
            (f"{served.url}/digits", "--sha256", digest),
            (f"{served.url}/digits/", "--sha256", digest.upper()),
            (f"{served.url}/digits/{MANIFEST}#sha256={digest}",),
            (f"{served.url}/digits.zip", "--sha256", digest),
            (f"{served.url}/digits.zip#sha256={file}",),
        ]
    ):
        document("pull", *words, "--name", f"m{i}")
        assert all((Path("models") / f"m{i}" / name).read_bytes() == (shared / name).read_bytes() for name in FILES)


def test_an_address_is_not_fetched_without_one(refused, served):
    assert "needs a checksum" in refused("models", "pull", f"{served.url}/digits")
    assert "not a SHA-256" in refused("models", "pull", f"{served.url}/digits", "--sha256", "abc")
    assert served.asked == []


def test_an_address_that_gives_something_else(zoo, served, shared, monkeypatch):
    def refused(*words: object) -> str:
        code, out, err = zoo(*words)
        assert (code, out) == (2, "")
        assert not Path("models").exists()
        return err.splitlines()[-1]

    digest = digest_of((shared / MANIFEST).read_bytes())
    assert "it is a different model" in refused("models", "pull", f"{served.url}/digits", "--sha256", "0" * 64)
    assert "it is a different model" in refused("models", "pull", f"{served.url}/digits.zip", "--sha256", "0" * 64)
    assert "404" in refused("models", "pull", f"{served.url}/nothing", "--sha256", digest)
    weights = served.folder / "digits" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert "changed or damaged" in refused("models", "pull", f"{served.url}/digits", "--sha256", digest)
    weights.write_bytes(b"0" * (2 << 20))
    assert "exceeds the limit of" in refused("models", "pull", f"{served.url}/digits", "--sha256", digest)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert "downloads are disabled" in refused("models", "pull", f"{served.url}/digits", "--sha256", digest)


# -- wrong requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("push", "nothing", "shared"), "no run 'nothing'"),
        (("push", "RUN", "https://example.org/x"), "is read-only"),
        (("push", "RUN", "ftp://example.org/x"), "is not a location for models"),
        (("push", "RUN", "hf:alice"), "is an owner"),
        (("push", "RUN", "shared", "--private"), "--private is only supported for the hub"),
        (("push", "RUN", "shared", "--name", "../up"), "not a valid name"),
        (("push", "RUN", "nowhere/x.zip"), "no folder nowhere"),
        (("pull", "nothing"), "no folder nothing"),
        (("pull", "nothing.zip"), "no file nothing.zip"),
        (("pull", "RUN"), "not a shared model"),
        (("pull", "http://example.org/x"), "Plain http is not secure"),
        (("pull", "SHARED", "--name", "a/b"), "not a valid name"),
        (("pull", "PARENT"), "zoo models pull"),
        (("list", "nothing"), "no folder nothing"),
        (("list", "https://example.org"), "can't be listed"),
    ],
)
def test_a_wrong_request_is_told_and_leaves_nothing(refused, digits_run, shared, words, reason):
    places = {"RUN": digits_run, "SHARED": shared, "PARENT": shared.parent}
    assert reason in refused("models", *(places.get(word, word) for word in words))


def test_a_name_that_is_taken(refused, document, digits_run, colours_run, shared):
    document("push", digits_run, "shared", "--name", "m")
    assert "--name m-2" in refused("models", "push", colours_run, "shared", "--name", "m")
    assert "is itself a model" in refused("models", "push", colours_run, "shared/m")
    document("pull", "shared/m")
    document("push", colours_run, "shared", "--name", "m", "--overwrite")
    assert "contains a different or changed model" in refused("models", "pull", "shared/m")
    assert document("pull", "shared/m", "--overwrite")["classes"] == 3
    Path("models/mine").mkdir()
    Path("models/mine/diary.txt").touch()
    for overwrite in ((), ("--overwrite",)):
        assert "it was not changed" in refused("models", "pull", shared, "--name", "mine", *overwrite)


def test_a_folder_that_cannot_be_written(refused, shared, digits_run):
    Path("file").touch()
    assert "file can't be written" in refused("models", "push", digits_run, "file", code=1)
    assert "file can't be written" in refused("models", "pull", shared, "--out", "file", code=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a limit on the size of files")
def test_a_full_disk_leaves_nothing(refused, digits_run, shared):
    """A limit on the size of files stands for the disk: the weights are larger."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        said = [
            refused("models", *words, code=1)
            for words in (("push", digits_run, "out"), ("push", digits_run, "x.zip"), ("pull", shared))
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert all("can't be written" in words for words in said)
    assert list(Path().iterdir()) == []


def test_ctrl_c_in_the_middle_leaves_nothing(https, shared):
    """The server gives half of the weights, and waits."""
    shutil.copytree(shared, https.folder / "digits")
    weights = (shared / WEIGHTS).read_bytes()
    begun: list[bool] = []

    def slow(server) -> None:
        server.send_response(200)
        server.send_header("Content-Length", str(len(weights)))
        server.end_headers()
        server.wfile.write(weights[: len(weights) // 2])
        server.wfile.flush()
        begun.append(True)
        time.sleep(20)

    https.answers[f"/digits/{WEIGHTS}"] = slow
    digest = digest_of((shared / MANIFEST).read_bytes())
    words = ["models", "pull", f"{https.url}/digits", "--sha256", digest]
    with subprocess.Popen([sys.executable, "-m", "zoo", *words], stderr=subprocess.PIPE, text=True) as process:
        while not begun and process.poll() is None:
            time.sleep(0.02)
        time.sleep(0.2)
        assert any(Path("models").iterdir())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "interrupted" in err
    assert not Path("models").exists()
