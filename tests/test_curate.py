"""The curate stage: duplicates, labels, forest, selection, and the four laws."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from laws import assert_conserved, bytes_of, run_and_die

from hornbook import recipe
from hornbook.dataset import DOCUMENT, Dataset, commit, content_id, write_part
from hornbook.embedder import HashedEmbedder
from hornbook.engine import Engine
from hornbook.errors import BadInput, TeacherError
from hornbook.events import Events
from hornbook.stages.curate import SCORED, curate
from hornbook.stages.curate.duplicates import verify
from hornbook.stages.curate.forest import Score, choose_groups, train
from hornbook.stages.curate.heuristics import METRICS
from hornbook.stages.curate.labels import excerpt, label_batch, sample
from hornbook.stages.curate.measure import FEATURES, Index
from hornbook.store import Artifact, Store, Work
from hornbook.teacher import Prompt, Reply

NOUNS = ["apple", "river", "tower", "candle", "meadow", "anchor", "saddle", "lantern", "pebble", "violin"]


def lesson(number: int) -> str:
    """A file that teaches: a documented function that computes something."""
    noun, other = NOUNS[number % 10], NOUNS[(number // 10) % 10]
    return (
        f'"""Lesson {number}: counting each {noun}."""\n\n\n'
        f"def count_{noun}_{number}(items):\n"
        f'    """Counts the items that name a {noun} and weigh more than {number} {other}s."""\n'
        f"    total = {number}\n    for item in items:\n        if item > total and item % {number + 2} == 0:\n"
        f"            total += item * {number + 3}\n    return total\n"
    )


def plugin(number: int) -> str:
    """A file that does not: a class that only stores settings."""
    noun, other = NOUNS[number % 10], NOUNS[(number // 10) % 10]
    lines = "".join(
        f"        self._{noun}_{name}_{number} = kwargs.pop('{name}')\n" for name in (other, "host", "port")
    )
    return (
        f"from framework.{noun}.base import Plugin{number}\nfrom framework import registry\n\n\n@registry.add\n"
        f"class {noun.title()}{number}(Plugin{number}):\n    def __init__(self, **kwargs):\n{lines}"
        f"        super().__init__(**kwargs)\n        self.{other}_{number} = None\n"
    )


class RuleTeacher:
    """Scores 5 what has a docstring and a loop, and 1 all else; `replies` go out first, whatever is asked."""

    identity = "rule"

    def __init__(self, replies: Sequence[Reply] = ()) -> None:
        self.replies, self.asked = list(replies), []

    def complete(self, prompts: Sequence[Prompt]) -> list[Reply]:
        self.asked += prompts
        return [self.replies.pop(0) if self.replies else self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: Prompt) -> Reply:
        code = prompt.fields["code"]
        assert code.splitlines()[0] in prompt.text
        score = 5 if "for " in code and '"""' in code else 1
        return Reply(f"By the rule.\nscore: {score}", teacher="rule")


FILES = {f"lesson/{n:02d}.py": lesson(n) for n in range(24)} | {f"plugin/{n:02d}.py": plugin(n) for n in range(40)}

SECTION = recipe.Curate(labels=40, keep_tokens_rate=0.3, forest=recipe.Forest(trees=12, folds=3))


def make_corpus(folder: Path, files: dict[str, str], rows_per_part: int = 16) -> Artifact:
    """A corpus artifact as the corpus stage leaves it; the origin of a file is its folder."""
    rows = [
        {
            "id": content_id(text),
            "text": text,
            "source": "test",
            "licence": "MIT",
            "parents": [],
            "path": path,
            "language": "python",
            "origin": path.split("/")[0],
            "created": "",
        }
        for path, text in files.items()
    ]
    place = folder / "documents"
    parts = [
        write_part(place / f"part-{start:05d}.parquet", rows[start : start + rows_per_part], DOCUMENT)
        for start in range(0, len(rows), rows_per_part)
    ]
    commit(place, DOCUMENT, parts)
    return Artifact("corpus", content_id(*files.values(), *files), folder)


def run(corpus: Artifact, store: Store, section: recipe.Curate = SECTION, workers: int = 1, **seams: Any) -> Artifact:
    given = {"teacher": RuleTeacher(), "embedder": HashedEmbedder(64), **seams}
    return curate(corpus, section, 0, store=store, engine=Engine("native", workers), **given)


def scores(artifact: Artifact) -> dict[str, float]:
    return {row["id"]: row["educational_value"] for row in artifact.dataset("unfiltered").rows()}


def rejects(artifact: Artifact) -> dict[str, tuple[str, str]]:
    found = artifact.dataset("rejects").rows()
    return {json.loads(row["record"])["path"]: (row["reason"], row["detail"]) for row in found}


@pytest.fixture
def corpus(tmp_path: Path) -> Artifact:
    return make_corpus(tmp_path / "corpus", FILES)


# --- duplicates -----------------------------------------------------------------------------------------------------


def test_of_equal_files_the_smallest_path_stays(tmp_path: Path, store: Store) -> None:
    copies = {"z/copy.py": lesson(0), "a/copy.py": lesson(0), "m/copy.py": lesson(0)}
    found = rejects(run(make_corpus(tmp_path / "corpus", {**FILES, **copies}), store))
    reasons = {path: found.get(path, ("", ""))[0] for path in (*copies, "lesson/00.py")}
    assert reasons["z/copy.py"] == reasons["m/copy.py"] == reasons["lesson/00.py"] == "exact_duplicate"
    assert reasons["a/copy.py"] != "exact_duplicate"
    assert "a/copy.py" in found["z/copy.py"][1]


def long_file(seed: int) -> str:
    """A file of 60 lines unlike any of another seed."""
    rng = np.random.default_rng(seed)
    words = [f"{NOUNS[rng.integers(10)]}{rng.integers(10_000)}" for _ in range(180)]
    return "".join(f"{a} = {b} + {c}\n" for a, b, c in zip(words[::3], words[1::3], words[2::3], strict=True))


def test_planted_near_duplicates_are_found_and_strangers_are_not_merged(tmp_path: Path, store: Store) -> None:
    originals = {f"long/{n}.py": long_file(n) for n in range(12)}
    planted = {f"copy/{n}.py": f"# Licensed to nobody, number {n}.\n" + long_file(n) for n in range(6)}
    section = recipe.Curate.model_validate({**SECTION.model_dump(), "keep_tokens_rate": 1.0})
    artifact = run(make_corpus(tmp_path / "corpus", {**FILES, **originals, **planted}), store, section)
    found = {path: detail for path, (reason, detail) in rejects(artifact).items() if reason == "near_duplicate"}
    assert len(found) == 6
    for number in range(6):
        pair = {path: content_id({**originals, **planted}[path]) for path in (f"long/{number}.py", f"copy/{number}.py")}
        kept, dropped = sorted(pair, key=lambda path: pair[path])
        assert found[dropped].startswith(f"like {pair[kept]}, {kept}")
    duplicates = artifact.facts["duplicates"]
    assert (duplicates["near"], duplicates["clusters"], duplicates["verified_pairs"]) == (6, 6, 6)
    assert duplicates["candidate_pairs"] >= 6


def test_candidates_leave_out_other_ids_and_pair_no_row_with_itself(tmp_path: Path) -> None:
    copies = {f"{n}.py": f"# copy {n}\n{long_file(1)}" for n in range(4)}
    files = {**copies, "again.py": copies["0.py"], "other.py": long_file(2)}
    documents = Dataset.open(make_corpus(tmp_path, files, rows_per_part=2).path / "documents")
    ids = [content_id(text) for text in copies.values()]
    engine = Engine("native", 1)
    assert engine.candidate_pairs(documents) == [(a, b) for a in sorted(ids) for b in sorted(ids) if a < b]
    assert engine.candidate_pairs(documents, ids[:2]) == [(min(ids[:2]), max(ids[:2]))]
    assert engine.candidate_pairs(documents, []) == []


def test_a_pair_is_verified_by_its_texts(tmp_path: Path) -> None:
    files = {"a/1.py": "a b c d e f g h i j", "a/2.py": "a b c d e f g h i z", "a/3.py": "q r s t u v w x y z"}
    documents = Dataset.open(make_corpus(tmp_path, files).path / "documents")
    one, two, three = (content_id(text) for text in files.values())
    pairs = sorted([tuple(sorted((one, two))), tuple(sorted((one, three))), tuple(sorted((two, three)))])
    work = Work(tmp_path, "curate", "", Events())
    like = [tuple(sorted((one, two)))]  # 5 of 7 shingles are shared
    assert verify(pairs, documents, 5 / 7, work) == like
    assert verify(pairs, documents, 0.72, work) == []


# --- labels ---------------------------------------------------------------------------------------------------------


def test_a_reply_that_is_no_label_is_asked_for_once_more() -> None:
    replies = [Reply("no score"), Reply("", error="refused"), Reply("Good.\nscore: 4"), Reply("Now fine.\nscore: 2")]
    teacher = RuleTeacher(replies)
    texts = {"a": "x = 1", "b": "y = 2", "c": "z = 3"}
    rows = {row["id"]: row for row in label_batch(list(texts), texts, teacher)}
    assert [rows[one]["score"] for one in "abc"] == [2, None, 4]
    assert rows["b"]["error"] == "no reply: refused"
    assert [(prompt.fields["code"], prompt.sample) for prompt in teacher.asked[3:]] == [("x = 1", 1)]


def test_files_without_label_are_facts(corpus: Artifact, store: Store) -> None:
    artifact = run(corpus, store, teacher=RuleTeacher([Reply("hm")] * 42))
    labels = artifact.facts["labels"]
    assert (labels["asked"], labels["count"], labels["unlabelled"]) == (40, 38, 2)
    assert sum(labels["histogram"].values()) == 38
    assert all("invalid reply" in one["error"] for one in labels["unlabelled_examples"])
    assert artifact.dataset("labels").column("score").count(None) == 2
    assert_conserved(artifact, "curated")


def test_a_teacher_without_any_label_is_an_error(corpus: Artifact, store: Store) -> None:
    with pytest.raises(TeacherError, match="rule gave no label for 40 files; first: no reply: down"):
        run(corpus, store, teacher=RuleTeacher([Reply("", error="down")] * 40))


def make_index(tokens: Sequence[int], origins: Sequence[str]) -> Index:
    size = len(tokens)
    ids = [content_id(str(number)) for number in range(size)]
    return Index(ids, ["p.py"] * size, ["s"] * size, list(origins), list(tokens), [""] * size, [""] * size, [size])


def test_the_sample_holds_origins_and_sizes_in_proportion() -> None:
    index = make_index([10, 100, 1_000, 5_000] * 100, ["small"] * 40 + ["large"] * 360)
    chosen = sample(index, 40, seed=0)
    assert len(set(chosen)) == 40
    assert sum(index.origins[position] == "small" for position in chosen) == 4
    assert [sum(index.tokens[position] == size for position in chosen) for size in (10, 100, 1_000, 5_000)] == [10] * 4
    assert chosen == sample(index, 40, seed=0) != sample(index, 40, seed=1)
    assert sorted(sample(index, 10_000, seed=0)) == list(range(400))


def test_a_long_file_is_cut_where_it_still_parses() -> None:
    long = "".join(lesson(number) for number in range(20))
    assert excerpt(lesson(0)) == lesson(0)
    for most in range(100, len(long), 97):
        cut_text = excerpt(long, most)
        ast.parse(cut_text)
        assert long.startswith(cut_text[: cut_text.rindex("# (cut here")])
        assert len(cut_text) <= most + 60
    in_class = "class A:\n" + "".join(f"    def f{n}(self):\n        return [\n            {n}]\n" for n in range(50))
    ast.parse(excerpt(in_class, 500))
    assert "f3" in excerpt(in_class, 500)
    assert excerpt("(((\n" * 100, 10).startswith("(((\n(((\n# (cut here: ")


# --- forest -----------------------------------------------------------------------------------------------------


def test_folds_keep_origins_together_where_there_are_enough() -> None:
    assert choose_groups(["a", "b", "c"], ["x", "y", "z"], 3) == (["a", "b", "c"], "origin")
    assert choose_groups(["a", "a", "a"], ["x", "y", "z"], 3)[1] == "folder"
    assert choose_groups(["a", "a"], ["x", "x"], 3) == (range(2), "file")


def test_out_of_fold_scores_do_not_see_their_own_group(tmp_path: Path) -> None:
    """Each group is told by one column and the label is the group's: nothing can be learned across groups."""
    groups = np.repeat(np.arange(6), 20)
    features = np.eye(6, dtype=np.float32)[groups]
    is_good = groups % 2 == 0
    names = [str(group) for group in groups]
    work = Work(tmp_path, "curate", "", Events())
    trained = train(features, is_good, names, names, recipe.Forest(trees=20, folds=6), 0, work)
    assert trained.folds_by == "origin"
    assert trained.auc is not None
    assert trained.auc <= 0.5
    assert trained.forest is not None
    assert np.array_equal(trained.forest.predict(features), is_good)


def test_a_labelled_file_keeps_its_out_of_fold_score(tmp_path: Path) -> None:
    empty = dict.fromkeys(METRICS, 0)
    rows = [
        {"id": "a", "rejected": "", "detail": "", **empty, "embedding": [1.0, 0.0]},
        {"id": "b", "rejected": "too_short", "detail": "", **empty, "embedding": []},
        {"id": "c", "rejected": "", "detail": "", **empty, "embedding": [0.0, 1.0]},
    ]
    write_part(tmp_path / "part.parquet", rows, FEATURES)
    features = np.eye(2, dtype=np.float32)[np.arange(20) % 2]
    names = [str(number) for number in range(20)]
    work = Work(tmp_path, "curate", "", Events())
    trained = train(features, np.arange(20) % 2 == 0, names, names, recipe.Forest(trees=10, folds=2), 0, work)
    scored = Score(trained, {"a": 0.125})(str(tmp_path / "part.parquet"))
    assert [(row["id"], row["educational_value"]) for row in scored.outputs["_measured/scores"]] == [
        ("a", 0.125),
        ("b", None),
        ("c", 0.0),
    ]


def test_labels_of_one_side_give_all_files_the_same_score(corpus: Artifact, store: Store) -> None:
    artifact = run(corpus, store, teacher=RuleTeacher([Reply("Meh.\nscore: 2")] * 40))
    assert set(scores(artifact).values()) == {0.0}
    facts = artifact.facts
    assert facts["forest"]["fallback"] == "all 40 labels are not good: every file has the same score, ids decide"
    assert facts["forest"]["auc"] is None
    assert facts["kept_tokens_rate"] == pytest.approx(0.3, abs=0.03)
    curated = artifact.dataset("curated").column("id")
    assert sorted(curated) == sorted(scores(artifact))[: len(curated)]


def test_good_code_is_scored_above_bad(corpus: Artifact, store: Store) -> None:
    artifact = run(corpus, store)
    curated = artifact.dataset("curated", SCORED)
    assert all(path.startswith("lesson/") for path in curated.column("path"))
    facts = artifact.facts
    assert facts["forest"]["auc"] > 0.95
    assert facts["forest"]["precision"] == 1.0
    assert facts["kept_tokens_rate"] == pytest.approx(0.3, abs=0.03)
    assert facts["tokens_kept"] == sum(curated.column("tokens"))
    assert facts["labels"]["histogram"]["5"] == sum(path.startswith("lesson") for path in labelled_paths(artifact))
    assert sum(facts["score_histogram"]["counts"]) == len(artifact.dataset("unfiltered"))
    assert sum(facts["score_histogram"]["kept_counts"]) == len(curated)
    assert not (artifact.path / "_measured").exists()


def labelled_paths(artifact: Artifact) -> list[str]:
    return [row["path"] for row in artifact.dataset("unfiltered").rows() if row["label"] is not None]


def test_a_corpus_of_three_files_is_curated(tmp_path: Path, store: Store) -> None:
    files = {"a/1.py": lesson(1), "b/2.py": plugin(2), "c/3.py": lesson(3)}
    artifact = run(make_corpus(tmp_path / "corpus", files), store)
    assert artifact.record["kept"] == 1
    assert_conserved(artifact, "curated")


def test_a_corpus_of_which_nothing_passes_is_bad_input(tmp_path: Path, store: Store) -> None:
    with pytest.raises(BadInput, match=r"no file .* passed .*too_short': 2"):
        run(make_corpus(tmp_path / "corpus", {"a.py": "x = 1\n", "b.py": "y = 1\n"}), store)


# --- the laws -------------------------------------------------------------------------------------------------------


def test_kept_and_rejected_are_what_was_read(corpus: Artifact, store: Store) -> None:
    artifact = run(corpus, store)
    assert_conserved(artifact, "curated")
    assert artifact.record["read"] == len(FILES)
    below = [reason for reason, _ in rejects(artifact).values()].count("below_threshold")
    assert len(artifact.dataset("unfiltered", SCORED)) == artifact.record["kept"] + below
    texts = set(artifact.dataset("curated").column("text")) | set(artifact.dataset("rejects").column("text"))
    assert texts == set(FILES.values())


def test_one_worker_and_two_write_the_same_bytes(corpus: Artifact, tmp_path: Path) -> None:
    one = run(corpus, Store(tmp_path / "one", Events()), workers=1)
    two = run(corpus, Store(tmp_path / "two", Events()), workers=2)
    assert bytes_of(one) == bytes_of(two)


def test_killed_runs_go_on_and_end_with_the_same_bytes(corpus: Artifact, tmp_path: Path) -> None:
    whole = run(corpus, Store(tmp_path / "whole", Events()))
    for units, step in ((1, "measuring_code"), (7, "writing")):
        run_and_die(f"""
from pathlib import Path
from laws import DyingEngine
from test_curate import SECTION, HashedEmbedder, RuleTeacher, Artifact, Events, Store, curate
corpus = Artifact("corpus", {corpus.fingerprint!r}, Path({str(corpus.path)!r}))
store = Store(Path({str(tmp_path / "killed")!r}), Events())
curate(corpus, SECTION, 0, store=store, teacher=RuleTeacher(), embedder=HashedEmbedder(64), engine=DyingEngine({units}))
""")
        (partial,) = (tmp_path / "killed" / "curate").glob("*.partial")
        assert (partial / "_units" / step).exists(), step
        assert len(list((partial / "_units" / step).glob("*.json"))) == 2, step
    teacher = RuleTeacher()
    resumed = run(corpus, Store(tmp_path / "killed", Events()), teacher=teacher)
    assert bytes_of(resumed) == bytes_of(whole)
    assert not teacher.asked


def test_a_stricter_share_keeps_a_subset_by_the_same_scores(corpus: Artifact, store: Store) -> None:
    artifacts = []
    for rate in (0.05, 0.2, 0.6):
        section = recipe.Curate.model_validate({**SECTION.model_dump(), "keep_tokens_rate": rate})
        artifacts.append(run(corpus, store, section))
    assert scores(artifacts[0]) == scores(artifacts[1]) == scores(artifacts[2])
    kept = [set(artifact.dataset("curated").column("id")) for artifact in artifacts]
    assert kept[0] < kept[1] < kept[2]
