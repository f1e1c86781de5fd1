"""Keep freed memory instead of handing every feature map back to the kernel.

glibc gives large blocks to the kernel when they are freed and gets them back zeroed, page by page: for
networks on the CPU that is up to a quarter of the time. Elsewhere (other C libraries) nothing happens.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # glibc's malloc.h
_KEPT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell this process's allocator to reuse large blocks; whether it listened."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not glibc
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, 2**26))
    return all(mallopt(option, value) for option, value in settings)
