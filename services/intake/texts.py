"""What somebody wrote, as it stands in the log of acts: by its digest, never in clear."""

import hashlib
from collections.abc import Mapping

import orjson


def digest_of(texts: Mapping[str, str]) -> str:
    """Return the SHA-256 of texts by their names (JSON, keys sorted), in hexadecimal."""
    return hashlib.sha256(orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)).hexdigest()
