"""Files as a repository of a checkpoint has them on the Hub."""

from __future__ import annotations

import json

from tiny import STUDENT

from snnpar.schema.attributes import load_schema

CONFIG = json.dumps({"model": STUDENT.to_dict(), "schema": load_schema("pa100k").to_dict()}).encode()
