"""From a published file to weights that the network loads."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from model_server.engines.page4d.weights.disk_room import require_room
from model_server.engines.page4d.weights.download import Download
from model_server.engines.page4d.weights.installed import (
    InstalledWeights,
    forget_record,
    safetensors_path,
    write_record,
)
from model_server.engines.page4d.weights.known import KnownWeights
from model_server.engines.page4d.weights.layout import Layout, Shape, WrongWeights, check_layout
from model_server.engines.page4d.weights.stored import Step, no_step, sha256_of, stored_tensors

_ZIP = b"PK\x03\x04"  # how torch.save's files begin


def install_file(
    known: KnownWeights, source: Path, expected: Mapping[str, Shape], folder: Path, step: Step = no_step
) -> InstalledWeights:
    """Check a published file against the network and install it; the file itself is left alone.

    Args:
        source: a PyTorch checkpoint, converted to safetensors, or safetensors, copied as they are.
        expected: shapes of the whole network by our names, all heads included.
        folder: where weights lie.

    Raises:
        WrongWeights: the file is damaged or not the network's.
        DiskFull: the installed file would not fit.
    """
    try:
        size = source.stat().st_size
        folder.mkdir(parents=True, exist_ok=True)
        require_room(folder, size)
        sha256 = sha256_of(source, step("read", size))
    except OSError as error:
        raise WrongWeights(f"{source} can't be read: {error.strerror}") from error
    with _draft(known, folder) as draft:
        if _is_checkpoint(source):
            return _convert(known, source, sha256, expected, draft, step)
        layout = check_layout(source.name, stored_tensors(source), expected, known.has_mask_head)
        went_by = step("copy", size)
        shutil.copyfile(source, draft)
        went_by(size)
        if sha256_of(draft, step("check", size)) != sha256:
            raise WrongWeights(f"{source} changed while it was copied", hint="try again")
        return _put_in_place(known, layout, sha256, sha256, draft)


def install_download(
    known: KnownWeights, download: Download, expected: Mapping[str, Shape], folder: Path, step: Step = no_step
) -> InstalledWeights:
    """The same with a file that was downloaded and checked just now; safetensors are moved, not copied.

    Raises:
        WrongWeights: the file is not the network's.
    """
    with _draft(known, folder) as draft:
        if _is_checkpoint(download.path):
            return _convert(known, download.path, download.sha256, expected, draft, step)
        layout = check_layout(download.path.name, stored_tensors(download.path), expected, known.has_mask_head)
        download.path.replace(draft)
        return _put_in_place(known, layout, download.sha256, download.sha256, draft)


def check_installed(
    weights: InstalledWeights, expected: Mapping[str, Shape], step: Step = no_step, dtype: str = "F32"
) -> Layout:
    """See that an installed file is still what was installed, and the network's, all of it stored in `dtype`.

    Raises:
        WrongWeights: it is not.
    """
    layout = check_layout(weights.path.name, stored_tensors(weights.path), expected, weights.has_mask_head, dtype)
    found = sha256_of(weights.path, step("check", weights.bytes))
    if found != weights.installed_sha256:
        raise WrongWeights(
            f"{weights.path} has changed since it was installed: its sha256 is {found[:16]}..., "
            f"not {weights.installed_sha256[:16]}...",
            hint=f"run: page4d-server weights download {weights.name} --again",
        )
    return layout


@contextmanager
def _draft(known: KnownWeights, folder: Path) -> Iterator[Path]:
    """Where to write what is not whole yet; whatever is left there is cleared away."""
    draft = folder / f"{known.name}.safetensors.part"
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _is_checkpoint(source: Path) -> bool:
    with source.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _convert(
    known: KnownWeights, source: Path, sha256: str, expected: Mapping[str, Shape], draft: Path, step: Step
) -> InstalledWeights:
    from model_server.engines.page4d.weights import convert  # torch only where it is needed

    weights = convert.open_checkpoint(source)
    layout = check_layout(source.name, convert.tensors_of(weights), expected, known.has_mask_head)
    kept = {name: weights[name] for name in layout.names}
    size = sum(tensor.nbytes for tensor in kept.values())
    went_by = step("convert", size)
    convert.write_safetensors(kept, draft, {"name": known.name, "source_sha256": sha256, "format": "pt"})
    went_by(size)
    installed_sha256 = sha256_of(draft, step("check", draft.stat().st_size))
    return _put_in_place(known, layout, sha256, installed_sha256, draft)


def _put_in_place(
    known: KnownWeights, layout: Layout, sha256: str, installed_sha256: str, draft: Path
) -> InstalledWeights:
    folder, path = draft.parent, safetensors_path(draft.parent, known.name)
    forget_record(folder, known.name)  # it speaks of the file that goes now
    draft.replace(path)
    weights = InstalledWeights(
        name=known.name,
        sha256=sha256,
        license=known.license.name,
        mask_strength=known.mask_strength,
        has_mask_head=known.has_mask_head,
        has_track_head=layout.has_track_head,
        bytes=path.stat().st_size,
        installed_sha256=installed_sha256,
        folder=folder,
    )
    write_record(weights)
    return weights
