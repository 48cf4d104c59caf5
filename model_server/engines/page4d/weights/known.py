"""The published weights that the network can be filled with, and the terms they come under."""

from dataclasses import dataclass
from enum import StrEnum

from model_server.errors import BadInput


class RepositoryKind(StrEnum):
    """What the Hugging Face hub files a repository under."""

    MODEL = "model"
    DATASET = "dataset"


@dataclass(frozen=True)
class License:
    """`name` goes into manifests; `terms` are what a person reads before accepting."""

    name: str
    terms: str


@dataclass(frozen=True)
class KnownWeights:
    name: str
    about: str
    repository: str
    kind: RepositoryKind
    file: str
    license: License
    has_mask_head: bool
    mask_strength: float  # alpha the mask runs with; 0 = it is off
    gated: bool = False  # its owner lets people in one by one

    @property
    def address(self) -> str:
        """The repository's page, below the hub's own address."""
        return f"datasets/{self.repository}" if self.kind is RepositoryKind.DATASET else self.repository

    @property
    def is_pickle(self) -> bool:
        """A PyTorch checkpoint, to be converted; otherwise it is safetensors already."""
        return not self.file.endswith(".safetensors")


_UNSTATED = License(
    "not stated",
    "The license of the PAGE-4D weights is not stated anywhere. PAGE-4D goes on from VGGT-1B, whose own weights are "
    "for noncommercial use only. Whether you may use these, and for what, only their authors can tell you.",
)
# The hub's page of VGGT-1B says cc-by-nc-4.0; the rest is the README of facebookresearch/vggt, July 29, 2025.
_NONCOMMERCIAL = License(
    "CC-BY-NC-4.0",
    "VGGT-1B is Meta's original checkpoint, under CC-BY-NC-4.0: credit its authors, no commercial use. The VGGT "
    "License that the code has had since July 29, 2025 does not cover it: this checkpoint remains noncommercial.",
)
_COMMERCIAL = License(
    "VGGT License (vggt-aup-license)",
    "VGGT-1B-Commercial comes under Meta's VGGT License with its acceptable use policy: commercial use is allowed, "
    "military use, weapons and the like are not. Meta gives access on request, on the checkpoint's page of the Hugging "
    "Face hub. The text that binds you is https://github.com/facebookresearch/vggt/blob/main/LICENSE.txt.",
)

# The one that is taken first comes first; its authors suggest page4d-nomask.
KNOWN = (
    KnownWeights(
        "page4d-nomask",
        "PAGE-4D, mask in early training only; its authors' suggestion",
        "zhouk777/PAGE4D",
        RepositoryKind.DATASET,
        "checkpoint_nomask.pt",
        _UNSTATED,
        has_mask_head=True,
        mask_strength=0.0,
    ),
    KnownWeights(
        "page4d-mask",
        "PAGE-4D, runs with its mask; knows what moves",
        "zhouk777/PAGE4D",
        RepositoryKind.DATASET,
        "checkpoint_mask.pt",
        _UNSTATED,
        has_mask_head=True,
        mask_strength=64.0,
    ),
    KnownWeights(
        "vggt-1b-commercial",
        "VGGT, made for still scenes; commercial use allowed",
        "facebook/VGGT-1B-Commercial",
        RepositoryKind.MODEL,
        "vggt_1B_commercial.pt",
        _COMMERCIAL,
        has_mask_head=False,
        mask_strength=0.0,
        gated=True,
    ),
    KnownWeights(
        "vggt-1b",
        "VGGT, made for still scenes",
        "facebook/VGGT-1B",
        RepositoryKind.MODEL,
        "model.safetensors",
        _NONCOMMERCIAL,
        has_mask_head=False,
        mask_strength=0.0,
    ),
)


def known_weights(name: str) -> KnownWeights:
    """The weights called `name`.

    Raises:
        BadInput: there are none of that name.
    """
    for known in KNOWN:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in KNOWN)
    raise BadInput(f'there are no weights called "{name:.60}"', hint=f"use one of: {names}")
