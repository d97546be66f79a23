"""Check that results of different versions are not mixed by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import StoreError

if TYPE_CHECKING:
    from harness.records import Environment
    from harness.store import Store


def check_unmixed(store: Store, now: Environment) -> None:
    """Refuse a store whose results were made in another environment.

    Args:
        store: store with earlier results.
        now: environment of this run.

    Raises:
        StoreError: if they differ; the message names the version or device.
    """
    current = _parts(now)
    for before in map(_parts, store.environments()):
        for name in sorted(before.keys() | current.keys()):
            if before.get(name) != current.get(name):
                raise StoreError(
                    f"{str(store.folder)!r} holds results made with {name} "
                    f"{before.get(name, 'unset')}; here it is {current.get(name, 'unset')}. "
                    "Trials of both would not be comparable. Use --root for a new folder, or "
                    "--mixed-environment to go on all the same; the report will say so."
                )


def _parts(observed: Environment) -> dict[str, str]:
    """Versions, devices and flags of an environment, by name."""
    devices = {"processor": observed.processor, "accelerator": observed.accelerator or "none"}
    return {**observed.versions, **devices, **observed.flags}
