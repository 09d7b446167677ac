"""Recipe sections of the seams: teacher, embedder, engine, sandbox."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hornbook.recipe.section import Section


class TeacherSettings(Section):
    """Who writes and labels: the embedded procedural teacher, or any OpenAI-compatible endpoint."""

    kind: Literal["procedural", "http"] = Field("http", description="Which teacher (phi-1: GPT-3.5 and GPT-4).")
    base_url: str = Field("https://api.openai.com/v1", description="Endpoint of an HTTP teacher.")
    model: str = Field("gpt-3.5-turbo", description="Model name at the endpoint (phi-1 §2.2: GPT-3.5).")
    key_variable: str = Field("OPENAI_API_KEY", description="Environment variable that holds the key; never the key.")
    temperature: float = Field(1.0, ge=0, description="Sampling temperature (not published; our choice).")
    max_tokens: int = Field(1_024, ge=1, description="Longest reply in tokens (not published; our choice).")
    concurrency: int = Field(32, ge=1, description="Requests in flight.")
    usd_per_million_tokens_in: float = Field(0.5, ge=0, description="Price, for the estimate of `plan`.")
    usd_per_million_tokens_out: float = Field(1.5, ge=0, description="Price, for the estimate of `plan`.")


class EmbedderSettings(Section):
    """What turns code into vectors for the classifier: hashed token n-grams, or a local Hugging Face model."""

    kind: Literal["hashed", "huggingface"] = Field(
        "huggingface", description="Which embedder (phi-1 §2.1: a codegen model)."
    )
    model: str = Field("Salesforce/codegen-350M-mono", description="Folder or hub id of a Hugging Face model.")
    dimensions: int = Field(1_024, ge=8, description="Width of hashed vectors.")
    max_tokens: int = Field(512, ge=8, description="Tokens of a file that a Hugging Face model reads.")


class EngineSettings(Section):
    """Where data stages run: `native` in process, `ray` on a local cluster, `ray://host:port` on a remote one."""

    address: str = Field("native", description="native, ray, or ray://host:port.", pattern=r"^(native|ray|ray://.+)$")
    workers: int | None = Field(None, ge=1, description="Worker processes; null is one per core.")


class SandboxSettings(Section):
    """Where solutions run."""

    level: Literal["auto", "L3", "L2", "L1", "L0"] = Field(
        "auto", description="Rung of the ladder; auto never goes below L2."
    )
