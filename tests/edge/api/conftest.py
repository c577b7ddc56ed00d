"""What these tests share: a desk of the real abilities, and servers for whole clients; each opened once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from accel.session import AcceleratorError
from edge import config
from edge.abilities import MODELS, open_abilities
from edge.api.desk import Desk
from edge.api.images import Images
from edge.api.tokens import Tokens
from edge.errors import EdgeError
from models.manifest import ModelError
from tests.edge.api.desks import NoBuckets
from tests.edge.api.serving import PATIENCE, REGION, ROOT, Home, Server, Site, policy
from tests.edge.api.story import NAMES, PEOPLE, Pictures, page


@pytest.fixture(scope="session")
def real() -> Iterator[Desk]:
    """Without collections. Skips where models are not pulled; celebrities are there only if a pack is installed."""
    try:
        opened = open_abilities(config.load(None), [task for task in MODELS if task != "custom"])
    except (EdgeError, ModelError, AcceleratorError) as error:
        pytest.skip(str(error))
    yield Desk(opened, None, Images(NoBuckets()), Tokens(b"secret"), None, "us-east-1", "0" * 12)  # type: ignore[arg-type]
    opened.close()


@pytest.fixture(scope="session")
def portraits(photos: Callable[..., list[Path]]) -> list[Path]:
    return photos(*NAMES)


@pytest.fixture(scope="session")
def pictures(portraits: list[Path]) -> Pictures:
    return Pictures.of(*portraits)


@pytest.fixture(scope="session")
def home(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With a certificate, pictures in the bucket, the example's celebrities, and a collection."""
    home = Home(tmp_path_factory.mktemp("api"), media=portraits[0].parent)
    (home.bucket / "images").mkdir()
    (home.bucket / "images" / "photo.jpg").write_bytes(portraits[1].read_bytes())
    (home.bucket / "images" / "page.jpg").write_bytes(page())
    built = home.run(sys.executable, ROOT / "tools" / "example-pack", "example.celebrities")
    home.vedette("celebrities", "install", "example.celebrities", "--trust", built.split()[-1])
    home.vedette("keys", "certificate", "--out", "tls")
    home.vedette("collections", "create", PEOPLE)
    return home


@pytest.fixture(scope="session")
def site(pulled: None, home: Home) -> Iterator[Site]:  # noqa: ARG001 - a skip
    (home.folder / "lists.json").write_text(policy("List*"))
    full = home.key("full")
    narrow = home.key("narrow", "--policy", "lists.json")
    rare = home.key("rare", "--quota", "0.001")
    with Server(home, "http", "workers = 1\nqueue = 1\n") as plain, Server(home, "https") as secured:
        yield Site({"http": plain, "https": secured}, full, narrow, rare)


@pytest.fixture
def flooded(site: Site) -> Iterator[None]:
    """The server over HTTP has more to read than it can, all the time."""
    done, full = threading.Event(), threading.Event()

    def flood() -> None:
        session = boto3.Session(site.full.id, site.full.secret, region_name=REGION)
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        client = session.client("rekognition", endpoint_url=site.servers["http"].url, config=config)
        while not done.is_set():
            try:
                client.detect_text(Image={"S3Object": {"Bucket": "my-bucket", "Name": "images/page.jpg"}})
            except client.exceptions.ThrottlingException:
                full.set()
        client.close()

    threads = [threading.Thread(target=flood) for _ in range(6)]  # twice as many as there is room for
    for thread in threads:
        thread.start()
    try:
        assert full.wait(PATIENCE)
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
