/* The coder with AVX2. */
#include "x86.h"

#if defined(HAVE_X86)

static int here(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,bmi2")
#endif

#define KERNEL_AVX2 1
#include "coder.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

const coder AVX2 = {"avx2", here, decode, encode, quantise, lift};

#endif
