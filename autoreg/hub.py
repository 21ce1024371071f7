"""Folders of files on the Hugging Face Hub."""

from collections.abc import Iterable
from pathlib import Path

import huggingface_hub

PREFIX = "hf:"
"""What the name of a model on the Hub begins with: hf:owner/name, or hf:owner/name@revision."""


def fetch(name: str, files: Iterable[str]) -> tuple[Path, Path]:
    """Download the named files of a repository, and no others, into the cache of the Hub.

    Without a network, what the cache already holds is used.

    Args:
        name: owner/name, perhaps with @ and a branch, a tag or a commit.
        files: Names of files; those that the repository does not have are left out.

    Returns:
        The folder of the files, and the folder that links in it may point into.

    Raises:
        ConnectionError: The Hub does not answer, or has no such repository.
    """
    repo, _, revision = name.removeprefix(PREFIX).partition("@")
    try:
        folder = huggingface_hub.snapshot_download(
            repo, revision=revision or None, allow_patterns=list(files)
        )
    except Exception as error:  # the Hub's client changes its network library, and its errors
        raise ConnectionError(f"{PREFIX}{repo} cannot be fetched: {_reason(error)}") from error
    # .../models--owner--name/snapshots/COMMIT holds links into .../models--owner--name/blobs.
    return Path(folder), Path(folder).parents[1]


def publish(folder: Path, repo: str, *, private: bool = False) -> str:
    """Upload all files of a folder to a repository, made if needed, and return its address.

    The token is that of `hf auth login`, or of the environment variable HF_TOKEN.

    Raises:
        ConnectionError: The Hub does not answer, or does not let us write.
    """
    api = huggingface_hub.HfApi()
    repo = repo.removeprefix(PREFIX)
    try:
        url = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo, folder_path=folder, commit_message="Upload an autoreg model"
        )
    except Exception as error:
        raise ConnectionError(f"{PREFIX}{repo} cannot be written: {_reason(error)}") from error
    return str(url)


def _reason(error: Exception) -> str:
    """Return an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
