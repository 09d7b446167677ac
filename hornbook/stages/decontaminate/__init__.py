"""decontaminate: rows near a problem that models are scored on are found, listed and pruned (phi-1 §5).

Benchmarks (HumanEval, MBPP) are met with three detectors:
- `ngram`: the row shares a run of 13 words with a problem's text or with its reference solution. Runs that are mostly
  numbers are shared by chance and do not count.
- `syntax`: a function of the row and the reference solution have trees, with names, constants and docstrings blanked,
  whose match rate (one minus edit distance over the longer length) is at least `match_rate`. Trees under 12 nodes match
  by accident; there, programs must be equal up to renaming, constants included.
- `behaviour`: the function of an exercise, run on the arguments of a HumanEval task's tests, gives the reference
  solution's results throughout. The paper does not have this one; it finds what is reworded and written anew.

Our own problem sets are made from the same parts as the training data, so that a match rate over blanked trees would
prune nearly all of it. Their rules are stricter about what is the same:
- `compositions` and `unseen`: a function that is equal up to renaming, with constants, attributes and operators as they
  are; or the problem's description word for word.
- `seen` shows known topics in new words, so that their solutions are meant to be known: only the same prompt, word for
  word, is pruned.
"""

from hornbook.stages.decontaminate.reference import MATCH, Match, Reference
from hornbook.stages.decontaminate.stage import decontaminate

__all__ = ["MATCH", "Match", "Reference", "decontaminate"]
