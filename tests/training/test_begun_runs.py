"""Runs that an earlier version of this program began go on bit for bit.

tests/data/begun_runs holds, for each family, the files of a run stopped at step 6 of 12, and the
weights at step 12 as the version that began it (November 2026) reached them.
"""

import hashlib
import shutil

import pytest
import torch
from safetensors.torch import load_file

from chatbot.cli.main import main
from chatbot.sft_ops import main as sft_main
from chatbot.training.checkpoint import read_checkpoint
from tests.conftest import REPOSITORY, make_project

RUNS = REPOSITORY / "tests/data/begun_runs"
GPT = (
    "model.n_layer=1", "model.n_head=1", "model.n_embd=8", "model.n_hidden=16",
    "model.block_size=32", "processed.preprocess.vocab_size=320", "optimization.batch_size=4",
    "optimization.grad_accum_steps=2", "optimization.max_steps=12", "optimization.warmup_steps=2",
    "logging.log_interval=1", "logging.eval_interval=4", "logging.save_interval=4",
    "logging.snapshot_interval=0", "sampling.max_new_tokens=4", "runtime.device=cpu",
    "runtime.dtype=float32",
)  # fmt: skip
PRETRAINED = (
    "model.base_model=base", "model.torch_dtype=float32", "project.device=cpu",
    "training.max_seq_len=64", "training.max_steps=12", "training.learning_rate=0.01",
    "training.logging_steps=1", "training.eval_steps=4", "training.save_steps=4",
    "training.per_device_train_batch_size=2", "lora.r=2", "lora.dropout=0.1",
    "generation.max_new_tokens=4",
)  # fmt: skip
# Of all weights and averages at step 12, exact for a version and a kind of processor: without and
# with AMX, whose libraries choose other kernels.
TORCH, CPU = "2.13.0", "AVX512"
CASES = {
    "gpt": (
        main, GPT, "checkpoints/main/latest.pt",
        "ffac378d51428536b0a9366b6b50d0aa502e57f29b35184f298f5b3c6f6ddeb8",
        "2de8713698f1d415d62ea57b3736f3b094959b2b81b284d80be8be9311a0653b",
    ),
    "pretrained": (
        sft_main, PRETRAINED, "checkpoints_lora/main/adapter_latest/trainer.pt",
        "5adc0f735f8399c54f204e099cde0169061ec07ee24f194a6837c7fe32df6c99",
        "c3982ecc53f8abf820f44f0ded4462521fac00888d4d61020dbbc4fd93b4e30b",
    ),
}  # fmt: skip


@pytest.fixture
def one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def digest(weights: dict[str, torch.Tensor]) -> str:
    content = (name.encode() + weights[name].numpy().tobytes() for name in sorted(weights))
    return hashlib.sha256(b"".join(content)).hexdigest()


@pytest.mark.parametrize("family", CASES)
def test_a_run_begun_by_an_earlier_version_ends_as_it_would_have(tmp_path, family, one_thread):
    run, settings, latest, without_amx, with_amx = CASES[family]
    project = make_project(tmp_path / "project")
    shutil.copytree(RUNS / family, project.root, dirs_exist_ok=True)
    assert read_checkpoint(project.root / latest).step == 6
    pairs = [part for setting in settings for part in ("--set", setting)]
    assert run(["train", "--root", str(project.root), *pairs]) == 0
    checkpoint = read_checkpoint(project.root / latest)
    assert checkpoint.step == 12
    weights = {
        f"{part}.{name}": weight.contiguous()
        for part in ("model", "ema")
        for name, weight in getattr(checkpoint, part).items()
    }
    expected = load_file(RUNS / f"{family}.safetensors")
    assert digest(expected) == without_amx
    torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-5)
    if (torch.__version__.partition("+")[0], torch.backends.cpu.get_cpu_capability()) == (
        TORCH,
        CPU,
    ):
        has_amx = torch.cpu._is_amx_tile_supported()
        assert digest(weights) == (with_amx if has_amx else without_amx)
