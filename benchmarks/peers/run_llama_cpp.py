"""llama.cpp's speed on the model that `decode_speed.py` wrote: the same weights as F16 GGUF, greedy, the same lengths.

    python run_llama_cpp.py --root FOLDER [--threads 1]

`--root` is that of `decode_speed.py` (it holds `m25/`).  Needs `gguf` and `xllamacpp` (llama.cpp as a wheel, without
AVX-512) in an environment of their own.  The best of three runs counts, as processor seconds and by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

PROMPT, ANSWER = 100, 64
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
OUTSIDE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}


def convert(model: Path, file: Path) -> None:
    """Matrices become float16, norms stay float32; a weight without a name there is a KeyError."""
    import gguf
    import numpy as np
    from safetensors.torch import load_file

    config = json.loads((model / "config.json").read_text())
    theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
    writer = gguf.GGUFWriter(str(file), "qwen3")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(2048)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(theta)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(1)
    words = config["vocab_size"]
    writer.add_vocab_size(words)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([f"w{number}".encode() for number in range(words)])
    writer.add_token_types([1] * words)
    writer.add_token_merges(["w 0"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    for name, weight in load_file(model / "model.safetensors").items():
        values = weight.float().numpy()
        writer.add_tensor(_renamed(name), values.astype(np.float16) if values.ndim == 2 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _renamed(name: str) -> str:
    if name in OUTSIDE:
        return OUTSIDE[name]
    _, _, layer, inner = name.split(".", 3)
    return f"blk.{layer}.{NAMES[inner.removesuffix('.weight')]}.weight"


def measure(file: Path, threads: int) -> None:
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx, params.n_parallel, params.n_batch = 16 * 256, 16, 2048
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    draw = random.Random(0)

    def ask(prompt: list[int]) -> None:
        how = {"n_predict": ANSWER, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        server.handle_completions({"prompt": prompt, **how})

    def together(batch: int) -> tuple[float, float]:
        prompts = [[draw.randrange(3, 8000) for _ in range(PROMPT)] for _ in range(batch)]
        processor, clock = time.process_time(), time.perf_counter()
        asking = [threading.Thread(target=ask, args=(prompt,)) for prompt in prompts]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        return time.process_time() - processor, time.perf_counter() - clock

    for batch in (1, 16):
        together(batch)
        runs = [together(batch) for _ in range(3)]
        processor, clock = (min(one[at] for one in runs) for at in (0, 1))
        told = f"{batch * ANSWER / processor:.0f} tokens a processor second, {batch * ANSWER / clock:.0f} by the clock"
        print(f"llama.cpp F16, {threads} threads, batch {batch}: {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    file = given.root / "m25-f16.gguf"
    if not file.exists():
        convert(given.root / "m25", file)
    measure(file, given.threads)
    os._exit(0)  # the server's threads do not end by themselves


if __name__ == "__main__":
    main()
