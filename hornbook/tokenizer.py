"""The byte-level BPE tokenizer: trained here on code, or loaded from a folder (phi-1 used codegen-350M-mono's).

Text between the boundaries below never merges, so a prompt whose trailing whitespace is stripped encodes the same with
and without the completion that follows it (which starts with a newline or a space).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from hornbook.errors import BadInput

END_OF_TEXT = "<|endoftext|>"
ALPHABET = 256  # every byte is a token, so any text has an encoding
LONGEST_TOKEN = 32  # characters; keeps rulers such as "------" from eating the vocabulary

PIECES = "|".join(
    (
        r"(?:\r?\n)+[ \t]*",  # newlines with the indentation that follows: one step of Python's layout
        r"[ _]?\p{L}+",  # a word, with the space or underscore before it
        r" ?\p{N}",  # one digit: numbers are copied and computed digit by digit
        r" ?[^\s\p{L}\p{N}]+",  # a run of operators and brackets
        r"[^\S\n]+(?!\S)",  # spaces before a space, a newline or the end
        r"\s",
    )
)


class Tokenizer:
    """Text to tokens and back; `<|endoftext|>` separates documents and ends a completion, and never comes from text.

    A text that contains the letters `<|endoftext|>` encodes them as ordinary characters.
    """

    def __init__(self, backend: Backend, end_of_text: str = END_OF_TEXT) -> None:
        end_token = backend.token_to_id(end_of_text)
        if end_token is None:
            raise BadInput(f"the tokenizer has no token {end_of_text!r}; name its end-of-text token as eos_token")
        backend.encode_special_tokens = True
        self.backend = backend
        self.end_of_text = end_of_text
        self.end_token: int = end_token

    @property
    def vocab_size(self) -> int:
        """Number of token ids in use; an embedding may have more rows."""
        return max(self.backend.get_vocab(with_added_tokens=True).values()) + 1

    @property
    def fingerprint(self) -> str:
        """sha256 of the tokenizer's definition."""
        return hashlib.sha256(self.backend.to_str().encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Tokens of the text, without end-of-text."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text, in order, on all cores."""
        try:
            encodings = self.backend.encode_batch_fast(list(texts), add_special_tokens=False)
        except TypeError as error:  # what the library says of a str with a lone surrogate
            raise BadInput("a text holds a lone surrogate and has no UTF-8 form; drop the text") from error
        return [encoding.ids for encoding in encodings]

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of the tokens; end-of-text becomes nothing, bytes that are not UTF-8 become U+FFFD."""
        return self.backend.decode(list(tokens), skip_special_tokens=True)

    def decode_batch(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Text of each row of tokens."""
        return self.backend.decode_batch([list(row) for row in rows], skip_special_tokens=True)

    def save(self, folder: Path | str, context_length: int | None = None) -> None:
        """Write tokenizer.json and tokenizer_config.json, which transformers' AutoTokenizer reads as well."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.backend.save(str(folder / "tokenizer.json"))
        settings: dict[str, Any] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": self.end_of_text,
            "eos_token": self.end_of_text,
            "unk_token": self.end_of_text,
            "clean_up_tokenization_spaces": False,
        }
        if context_length is not None:
            settings["model_max_length"] = context_length
        text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
        (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str) -> Tokenizer:
        """Read a tokenizer folder: tokenizer.json, or vocab.json and merges.txt in GPT-2's form (codegen-350M-mono)."""
        folder = Path(folder)
        if (folder / "tokenizer.json").is_file():
            backend = _read_backend(folder / "tokenizer.json")
        elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            backend = _gpt2_backend(folder)
        else:
            raise BadInput(f"{folder} has no tokenizer: expected tokenizer.json, or vocab.json and merges.txt")
        return cls(backend, _end_of_text(folder))


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE with at most `vocab_size` tokens, learned from the texts; the same texts give the same tokenizer.

    Fewer tokens result where the texts have fewer pairs to merge. Raises BadInput below 257 tokens.
    """
    if vocab_size < ALPHABET + 1:
        raise BadInput(f"vocab_size is {vocab_size}; a byte-level tokenizer has at least {ALPHABET + 1} tokens")
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[AddedToken(END_OF_TEXT, special=True, normalized=False)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return Tokenizer(backend)


def _read_backend(path: Path) -> Backend:
    try:
        return Backend.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BadInput(f"{path} is not a readable tokenizer: {error}") from error


def _gpt2_backend(folder: Path) -> Backend:
    """A tokenizer from GPT-2's two files, and added_tokens.json (codegen's runs of spaces and tabs) if it exists."""
    backend = Backend(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    added = _read_json(folder / "added_tokens.json")
    for token in sorted(added, key=lambda name: int(added[name])):
        backend.add_tokens([AddedToken(token, normalized=False)])
        if backend.token_to_id(token) != added[token]:
            raise BadInput(
                f"{folder / 'added_tokens.json'} gives {token!r} the id {added[token]}, but the vocabulary"
                f" before it ends at {backend.get_vocab_size() - 2}; the files do not belong together"
            )
    backend.add_special_tokens([AddedToken(_end_of_text(folder), special=True, normalized=False)])
    return backend


def _end_of_text(folder: Path) -> str:
    """The eos token that the folder names, as text or as an added-token record; by default `<|endoftext|>`."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        eos = _read_json(folder / name).get("eos_token")
        if isinstance(eos, dict):
            eos = eos.get("content")
        if isinstance(eos, str):
            return eos
    return END_OF_TEXT


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds {type(content).__name__}; expected an object")
    return content
