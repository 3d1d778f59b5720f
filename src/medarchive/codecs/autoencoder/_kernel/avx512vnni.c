/* The coder with AVX-512 VNNI. */
#include "x86.h"

#if defined(HAVE_X86)

static int here(void)
{
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
}

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,bmi,bmi2,prefer-vector-width=512")
#endif

#define KERNEL_AVX512 1
#define KERNEL_VNNI 1
#include "coder.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

const coder AVX512VNNI = {"avx512vnni", here, decode, encode, quantise, lift};

#endif
