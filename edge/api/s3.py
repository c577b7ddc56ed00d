"""A bucket of an S3-compatible server (Garage, Ceph, MinIO…), read with the `minio` client: the extra `vedette[s3]`."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from edge.api import faults
from edge.api.buckets import refused
from edge.endpoint import BucketSettings
from edge.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

log = logging.getLogger(__name__)

CONNECT, SILENCE, WHOLE = 3.0, 5.0, 20.0  # seconds: to be let in, between two packets, for all of an object
PART = 1 << 18
LASTING = 500  # statuses from here on are the server's own trouble


class Server:
    """May be shared between threads."""

    def __init__(self, name: str, settings: BucketSettings) -> None:
        """Connects to nobody yet; raises ConfigError."""
        try:
            import minio
            import urllib3
        except ImportError as error:
            raise ConfigError(
                f"api.buckets.{name}: an endpoint takes the 'minio' client: run pip install 'vedette[s3]'"
            ) from error
        self._errors = minio.error.MinioException, urllib3.exceptions.HTTPError
        self._name = name
        self._bucket = settings.bucket or name
        url = urlsplit(settings.endpoint)
        try:
            self._client = minio.Minio(
                url.netloc,
                settings.key_id or None,
                settings.secret_key() or None,
                secure=url.scheme == "https",
                region=settings.region,
                http_client=urllib3.PoolManager(
                    timeout=urllib3.Timeout(connect=CONNECT, read=SILENCE),
                    retries=urllib3.Retry(total=1, redirect=False),
                    maxsize=8,
                    ca_certs=str(settings.ca_file) if settings.ca_file else None,
                ),
            )
        except ValueError as error:
            raise ConfigError(f"api.buckets.{name}.endpoint: {error}") from error

    def read(self, key: str, most: int) -> bytes:
        """Raises Fault for an object that cannot be had, UnavailableError for a server that cannot be asked."""
        try:
            response = self._client.get_object(self._bucket, key)
            try:
                return self._taken(response, most)
            finally:
                response.close()
                response.release_conn()
        except (ValueError, ParseError) as error:  # no name for a bucket or an object, or an answer that makes no sense
            raise refused(self._name, key, error) from error
        except self._errors as error:
            status = getattr(getattr(error, "response", None), "status", LASTING)
            if status < LASTING:
                raise refused(self._name, key, error) from error
            log.warning("bucket %s: %s", self._name, error)
            raise UnavailableError(
                f"bucket {self._name}: its server cannot be asked for now; try again later"
            ) from error

    def _taken(self, response: BaseHTTPResponse, most: int) -> bytes:
        """In parts, so that neither a large object nor a slow server is waited for."""
        if int(response.headers.get("content-length", 0)) > most:
            raise faults.image_too_large()
        data = bytearray()
        end = time.monotonic() + WHOLE
        while part := response.read1(PART, decode_content=False):
            data += part
            if len(data) > most:
                raise faults.image_too_large()
            if time.monotonic() > end:
                raise UnavailableError(f"bucket {self._name}: its server is too slow; try again later")
        return bytes(data)
