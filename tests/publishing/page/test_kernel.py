"""The kernel in the repository is what its source compiles to."""

import pytest

from scripts.build_kernel import ENGINE, build_kernel


@pytest.mark.slow
def test_kernel_is_built_from_its_source(tmp_path):
    pytest.importorskip("ziglang", reason="ziglang is not installed")
    build_kernel(tmp_path / "kernel.wasm")
    assert (tmp_path / "kernel.wasm").read_bytes() == (ENGINE / "kernel.wasm").read_bytes()
