"""The C kernels of the learned codecs. Where there is no compiler the package does without them."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CODECS = Path("src/medarchive/codecs")
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")  # one binary for every Python from 3.11 on


class BuildKernel(build_ext):
    """Flags for compilers that take those of GCC."""

    def build_extension(self, ext: Extension) -> None:
        """Sums wrap, and no product is fused with a sum: the same numbers on every machine."""
        if self.compiler.compiler_type != "msvc":
            ext.extra_compile_args = ["-O3", "-fwrapv", "-ffp-contract=off", "-fvisibility=hidden"]
        super().build_extension(ext)


def kernel(codec: str) -> Extension:
    """The extension module of a codec, from all C files of its folder."""
    folder = CODECS / codec / "_kernel"
    return Extension(
        f"medarchive.codecs.{codec}._native",
        sources=sorted(map(str, folder.glob("*.c"))),
        depends=sorted(map(str, [*folder.glob("*.h"), *(CODECS / "_kernel").glob("*.h")])),
        include_dirs=[str(CODECS / "_kernel")],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
        py_limited_api=STABLE,
        optional=True,
    )


setup(
    ext_modules=[kernel("predictive"), kernel("autoencoder")],
    cmdclass={"build_ext": BuildKernel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
