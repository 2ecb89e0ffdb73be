"""The Hugging Face Hub: checkpoints and datasets pulled, checked and kept.

The client's own environment variables count: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HOME.
"""

from snnpar.hub.cache import (
    CachedCheckpoint,
    cached_bytes,
    delete_cached,
    delete_half,
    hub_id_of,
    list_cached,
    list_halves,
)
from snnpar.hub.download import Download
from snnpar.hub.fetch import (
    cached_checkpoint,
    fetch_checkpoint,
    fetch_dataset,
    fetch_weights,
    look_up,
    pin_checkpoint,
    pin_dataset,
)
from snnpar.hub.ids import REMOTE, HubError, HubId, parse_hub_id
from snnpar.hub.search import SearchResult, search
from snnpar.hub.wire import endpoint, where

__all__ = [
    "REMOTE",
    "CachedCheckpoint",
    "Download",
    "SearchResult",
    "HubError",
    "HubId",
    "cached_bytes",
    "cached_checkpoint",
    "delete_cached",
    "delete_half",
    "endpoint",
    "fetch_checkpoint",
    "fetch_dataset",
    "fetch_weights",
    "hub_id_of",
    "list_cached",
    "list_halves",
    "look_up",
    "parse_hub_id",
    "pin_checkpoint",
    "pin_dataset",
    "search",
    "where",
]
