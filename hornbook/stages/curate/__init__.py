"""Curate: the real code worth learning from, found as phi-1 §2.1 finds it: annotate a sample, classify the rest.

- `score` redacts secrets, applies the heuristics, finds duplicates, has the teacher label a sample, trains a
  classifier on embeddings and scores every document: one row beside each, nothing dropped.
- `curate` applies a target to the scores and writes what is kept, with an audit. Another target costs no other work.
- `dedup` is the duplicates alone.
"""

from hornbook.stages.curate.dedup import CLUSTERS, dedup
from hornbook.stages.curate.score import SCORES, score
from hornbook.stages.curate.stage import SCORED, curate

__all__ = ["CLUSTERS", "SCORED", "SCORES", "curate", "dedup", "score"]
