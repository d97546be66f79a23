"""Limits on what one training may use of the machine."""

from __future__ import annotations

from contextlib import suppress

import tensorflow as tf

from harness.errors import UsageError


def set_up(threads: int) -> None:
    """Let one training use this many threads, and no more of a GPU's memory than it needs.

    The threads are part of a trial's identity.

    Raises:
        UsageError: if TensorFlow is already running with another number.
    """
    with suppress(RuntimeError):  # somebody else has begun to use the GPU, and decided it
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        found = tf.config.threading.get_intra_op_parallelism_threads()
        if found != threads:
            raise UsageError(
                f"expected TensorFlow with {threads} intra-op threads. Received: one already "
                f"started with {found or 'its default'}. Use workers=1 or more, or train before "
                "anything else uses TensorFlow in this process."
            ) from None
