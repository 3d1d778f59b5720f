/* Where the instruction sets of x86 can be compiled, each in a file of its own, and all that such a file includes before
 * it names its set. */
#ifndef MEDARCHIVE_X86_H
#define MEDARCHIVE_X86_H

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#endif

#include <stdlib.h>
#include <string.h>
#include <math.h>

#include "kernel.h"

#endif
