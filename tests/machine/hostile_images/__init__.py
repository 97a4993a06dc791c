# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images that are damaged, not what they seem, or made to do harm: written when they are wanted,
since most are a few bytes in a large file of nothing.

CASES: name -> (reason, function that writes it to a path). The reason is the word that stead-dissect
gives, or two of them, if it depends on the version of libblkid; None where it may take the image.
"""
from . import files, gpt, mbr, superblocks

CASES = {**gpt.CASES, **mbr.CASES, **superblocks.CASES, **files.CASES}
