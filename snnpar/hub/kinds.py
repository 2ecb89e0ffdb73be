"""What is downloaded of a kind of repository, and what is refused before anything, or any more, is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from snnpar import CONFIG, WEIGHTS
from snnpar.config.sidecar import MOST_BYTES, read_sidecar
from snnpar.core.errors import SnnparError
from snnpar.hub.ids import HubError, HubId

REQUIRED = (CONFIG, WEIGHTS)
FILES = (*REQUIRED, "phrases.safetensors", "README.md")
MAX_BYTES = 2_000_000_000  # of all FILES together; the largest published teacher has 0.35 GB
ANNOTATIONS = ("*.mat", "*.csv", "*.pkl")
DATA_FILES = (
    *ANNOTATIONS,
    "*.json",
    "phrases.safetensors",
    "*.[jJ][pP][gG]",
    "*.[jJ][pP][eE][gG]",
    "*.[pP][nN][gG]",
    "*.[wW][eE][bB][pP]",
)
FETCHED = ".fetched"  # left in a folder once it is whole and its content as the Hub said
MAX_DATA_BYTES = 50_000_000_000  # PA100K has about 1 GB, RAP about 2


@dataclass(frozen=True)
class RemoteFile:
    """Bytes of a file on the Hub, and the sha256 of its content where the Hub gives one: of large files."""

    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Listing:
    """A commit and its files by name. `private`: not everybody may have them, as far as the Hub says."""

    commit: str
    files: dict[str, RemoteFile]
    private: bool = False

    def used(self, patterns: Iterable[str]) -> dict[str, RemoteFile]:
        """The files that one of the patterns names."""
        return {name: file for name, file in self.files.items() if any(fnmatch(name, one) for one in patterns)}


@dataclass(frozen=True)
class RepositoryKind:
    """What is downloaded of a kind of repository, and what its folder has when it is whole.

    `check` raises HubError unless the files are of that kind. `swept`: its cache is ours alone, and nothing half stays.
    `first`: a file that comes before all others, and the check that it has to pass before they come.
    `answer_bytes`: at most, of the list of its files.
    """

    repo_type: str
    patterns: tuple[str, ...]
    check: Callable[[HubId, Listing], None]
    required: tuple[str, ...]
    swept: bool = False
    first: str = ""
    check_first: Callable[[HubId, Path], None] | None = None
    answer_bytes: int = 8_000_000


def _check_checkpoint(wanted: HubId, listing: Listing) -> None:
    missing = [name for name in REQUIRED if name not in listing.files]
    if missing:
        raise HubError(
            f"{wanted} has no {' and no '.join(missing)}, so it is not a checkpoint of this project; pickled"
            " weights are never downloaded."
        )
    for name in (CONFIG, "README.md"):
        if name in listing.files and listing.files[name].size > MOST_BYTES:
            raise HubError(
                f"{name} of {wanted} has {in_words(listing.files[name].size)}, more than the "
                f"{in_words(MOST_BYTES)} allowed, so it is not a checkpoint of this project."
            )
    check_size(wanted, listing.used(FILES), MAX_BYTES)


def _check_config(wanted: HubId, path: Path) -> None:
    try:
        read_sidecar(path)
    except SnnparError as error:
        raise HubError(
            f"{wanted} is not a checkpoint of this project, so its weights were not downloaded: "
            f"{str(error).replace(str(path), CONFIG)}."
        ) from error


def _check_weights(wanted: HubId, listing: Listing) -> None:
    if WEIGHTS not in listing.files:
        raise HubError(f"{wanted} has no {WEIGHTS}; pickled weights are never downloaded.")
    check_size(wanted, listing.used((WEIGHTS,)), MAX_BYTES)


def _check_dataset(wanted: HubId, listing: Listing) -> None:
    if not listing.used(ANNOTATIONS):
        raise HubError(
            f"{wanted} has no .mat, .pkl or .csv file, so its layout is none of those read here; archives are not"
            " unpacked."
        )
    check_size(wanted, listing.used(DATA_FILES), MAX_DATA_BYTES)


def check_size(wanted: HubId, files: dict[str, RemoteFile], most: int, why: str = "allowed") -> None:
    """Raise HubError when the files are larger than `most` bytes together."""
    size = total(files)
    if size > most:
        raise HubError(f"{wanted} has {in_words(size)}, more than the {in_words(most)} {why}.")


def total(files: dict[str, RemoteFile]) -> int:
    """Bytes together."""
    return sum(file.size for file in files.values())


def in_words(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


CHECKPOINT_REPO = RepositoryKind(
    "model", FILES, _check_checkpoint, (*REQUIRED, FETCHED), swept=True, first=CONFIG, check_first=_check_config
)
WEIGHTS_REPO = RepositoryKind("model", (WEIGHTS,), _check_weights, (WEIGHTS,))
DATASET_REPO = RepositoryKind("dataset", DATA_FILES, _check_dataset, (FETCHED,), answer_bytes=100_000_000)
