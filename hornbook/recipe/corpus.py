"""Recipe section of corpus: where real code comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hornbook.recipe.section import Section


class Installed(Section):
    """The standard library and the installed distributions of this interpreter; licences from package metadata."""

    kind: Literal["installed"]
    standard_library: bool = Field(True, description="Read the standard library of the running Python.")
    distributions: tuple[str, ...] | None = Field(
        None, description="Names of installed distributions to read; null reads all of them."
    )
    max_files: int | None = Field(None, ge=1, description="Stop after this many files, chosen by content-free hash.")


class Directory(Section):
    """Files of code below a folder of your own."""

    kind: Literal["directory"]
    path: Path = Field(description="The folder.")
    pattern: str = Field("**/*.py", description="Which files, as a glob below the folder.")
    language: str | None = Field(
        None, description="Read only files of this language, known by their extension; null reads all that match."
    )
    licence: str = Field("unknown", description="Licence to record on each file.")


class Jsonl(Section):
    """A JSON Lines file (or glob), one document a line; `.gz` is decompressed."""

    kind: Literal["jsonl"]
    path: str = Field(description="File or glob.")
    text_column: str = Field("text", description="Key that holds the code.")
    path_column: str = Field("path", description="Key that holds the file's path, where there is one.")
    licence_column: str = Field("licence", description="Key that holds the licence, where there is one.")
    licence: str = Field("unknown", description="Licence to record where the line has none.")


class ParquetFiles(Section):
    """Parquet files (a path or glob), one document a row."""

    kind: Literal["parquet"]
    path: str = Field(description="File or glob.")
    text_column: str = Field("text", description="Column that holds the code.")
    path_column: str = Field("path", description="Column that holds the file's path, where there is one.")
    licence_column: str = Field("licence", description="Column that holds the licence, where there is one.")
    licence: str = Field("unknown", description="Licence to record where the row has none.")


SOURCE_KINDS: dict[str, type[Section]] = {
    "installed": Installed,
    "directory": Directory,
    "jsonl": Jsonl,
    "parquet": ParquetFiles,
}

Source = Annotated[Installed | Directory | Jsonl | ParquetFiles, Field(discriminator="kind")]


class Corpus(Section):
    """Where real code comes from (phi-1 §2.1: The Stack's deduplicated Python and StackOverflow, over 35B tokens)."""

    sources: tuple[Source, ...] = Field(
        (
            ParquetFiles(
                kind="parquet",
                path="the-stack-dedup/data/python/*.parquet",
                text_column="content",
                path_column="max_stars_repo_path",
                licence_column="max_stars_repo_licenses",
            ),
        ),
        description="Sources, read in this order.",
    )
    max_file_bytes: int = Field(1_000_000, ge=1, description="Larger files are rejected (our choice).")
    files_per_unit: int = Field(
        500, ge=1, description="Files in one unit of work, the most a kill can lose (our choice)."
    )
