/* The coder in plain C. */
#include "coder.h"

static int here(void) { return 1; }

const coder PORTABLE = {"portable", here, decode, encode, quantise, lift};
