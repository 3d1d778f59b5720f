/* The coders that this build has, the fastest first. */
#include "x86.h"

#if defined(HAVE_X86)
extern const coder AVX512VNNI, AVX512BW, AVX2;
#endif
extern const coder PORTABLE;

const coder *const CODERS[] = {
#if defined(HAVE_X86)
    &AVX512VNNI,
    &AVX512BW,
    &AVX2,
#endif
    &PORTABLE,
    NULL,
};
