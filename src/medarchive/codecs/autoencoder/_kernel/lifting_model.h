/* The learned transform's networks, as the kernel keeps them, and what a level is; see lifting.py. */
#ifndef MEDARCHIVE_LIFTING_MODEL_H
#define MEDARCHIVE_LIFTING_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

/* lifting_model.py, lifting.py */
enum {
    LEARNED = 3,
    AROUND = 24,
    BESIDES = 27,
    NET_SEEN = AROUND + BESIDES + 3,
    NET_WIDEST = 48,
    NET_LAYERS = 4,
    PREDICTED = 3,
    REFINED = 4,
    NET_FIRST_SHIFT = 6,
    NET_SHIFT = 10,
    MOST_INPUT = 2047,
    MOST_LOW_STEPS = 1 << 29,
    MOST_CHANGE = 32767,
    RECIPROCAL = 30,
};

typedef struct {
    int width, seen, outputs, layers; /* the width is padded to BLOCK; no layers where there is no network */
    int32_t *weights[NET_LAYERS];     /* [block][place and pair][BLOCK], see kernel.h */
    int32_t *biases[NET_LAYERS];      /* the shift's rounding included */
} stack;

typedef struct {
    stack predict[LEARNED], refine[LEARNED];
    int32_t numbers[]; /* what the stacks point to */
} lifting_model;

/* A level: bands of `rows` by `columns`, whose low one has as many as half of them, rounded up. */
struct learned_level {
    const stack *stack;
    int rows, columns;
    int64_t *low;              /* moved by a refining stack */
    int64_t *details[BANDS];   /* written by a predicting stack, moved by a refining one */
    const int64_t *rest[BANDS]; /* what was coded of the details, for a refining stack */
    int64_t units[1 + BANDS];  /* steps in 1/64 of a stored unit */
};

/* How many weights and biases a model has: kinds 1 predicts, 2 refines, 3 does both, 0 neither. */
void lifting_counts(int width, int kinds, int64_t *weights, int64_t *biases);

/* A packed model for free(), or NULL and what is wrong, or NULL alone where there is no memory. */
lifting_model *lifting_pack(int width, int kinds, const int16_t *weights, const int32_t *biases, const char **fault);

#endif
