"""The C kernel of the codec "predictive". Where there is no compiler the package does without it."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNEL = Path("src/medarchive/codecs/predictive/_kernel")
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")  # one binary for every Python from 3.11 on


class BuildKernel(build_ext):
    """Flags for compilers that take those of GCC."""

    def build_extension(self, ext: Extension) -> None:
        """Sums wrap, and no product is fused with a sum: the same numbers on every machine."""
        if self.compiler.compiler_type != "msvc":
            ext.extra_compile_args = ["-O3", "-fwrapv", "-ffp-contract=off", "-fvisibility=hidden"]
        super().build_extension(ext)


setup(
    ext_modules=[
        Extension(
            "medarchive.codecs.predictive._native",
            sources=sorted(map(str, KERNEL.glob("*.c"))),
            depends=sorted(map(str, KERNEL.glob("*.h"))),
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            py_limited_api=STABLE,
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildKernel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
