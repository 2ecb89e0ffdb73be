"""from_pretrained, save_pretrained and push_to_hub of every model, spelled as usual; strict, and without pickle.

What they do stands above the models (snnpar.sharing.pretrained), so it is reached through the package's lazy names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import snnpar

if TYPE_CHECKING:
    from snnpar.schema.attributes import AttributeSchema, Phrases


class Pretrained:
    """A model that can be had from a checkpoint and given away as one."""

    @classmethod
    def from_pretrained(cls, place: str | Path, *, revision: str = "") -> Self:
        """The model of a folder, a name in checkpoints/, or owner/name of the Hub, in eval mode; see snnpar.load.

        `model.checkpoint` says what it answers. Raises CheckpointError, HubError.
        """
        return snnpar.from_pretrained(cls, place, revision=revision)

    def save_pretrained(
        self, folder: str | Path, *, schema: AttributeSchema | None = None, phrases: Phrases | None = None
    ) -> Path:
        """Write a checkpoint folder, which must be new or empty.

        Of a model that came from no checkpoint, `schema` names the attributes, and a teacher's `phrases` are its text.
        """
        return snnpar.save_pretrained(self, folder, schema=schema, phrases=phrases)

    def push_to_hub(
        self,
        hub_id: str,
        *,
        private: bool = False,
        schema: AttributeSchema | None = None,
        phrases: Phrases | None = None,
    ) -> str:
        """Upload it as a checkpoint with its card; the commit's address. Needs HF_TOKEN. Raises HubError."""
        return snnpar.push_to_hub(self, hub_id, private=private, schema=schema, phrases=phrases)
