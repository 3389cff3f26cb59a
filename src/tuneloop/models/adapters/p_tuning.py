"""P-tuning (arXiv 2103.10385): rows before each record that a small network makes while they are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tuneloop.models.reparametrization import Network, PromptEncoder
from tuneloop.models.soft_prompt import SoftPrompt, embeddings, starting_ids

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

SAMPLE = 256  # tokens whose embeddings tell how large the rows should be


@dataclass
class PTuning(SoftPrompt):
    """In PEFT's files, which hold the rows and not the network; so what was read can be trained as rows only."""

    peft_type: ClassVar[str] = "P_TUNING"

    @classmethod
    def new(
        cls, lm: LanguageModel, tokens: int, *, width: int, network: Network = "mlp", layers: int = 2, seed: int = 0
    ) -> PTuning:
        """A fresh network with `width` hidden units; `layers` are those of an LSTM."""
        spread = float(embeddings(lm, starting_ids(lm, SAMPLE, None, seed)).std())
        source = PromptEncoder(tokens, lm.config.hidden, width, network, layers, seed, spread).to(lm.device)
        return cls(source, lm.config.layers, lm.config.heads, lm.reference)

    def own(self) -> dict[str, Any]:
        made = self.source if isinstance(self.source, PromptEncoder) else None
        return {
            "encoder_reparameterization_type": "LSTM" if made and made.network == "lstm" else "MLP",
            "encoder_hidden_size": made.width if made else None,
            "encoder_num_layers": made.layers if made else 2,
            "encoder_dropout": 0.0,
        }
