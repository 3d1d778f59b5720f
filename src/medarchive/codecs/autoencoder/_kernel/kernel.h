/* What module.c hands to the coder of an instruction set. */
#ifndef MEDARCHIVE_KERNEL_H
#define MEDARCHIVE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"

enum { BLOCK = 8 /* outputs that are computed together; widths are padded with zeros to it */ };

/* Pairs of 16-bit inputs or weights share 32 bits: the first of a pair in the low half. */
typedef struct {
    int seen, features; /* inputs: of each site, and with the constants */
    int32_t first_weights[WIDEST * ((MOST_SEEN + 1) / 2)]; /* [block][pair][BLOCK] */
    int32_t second_weights[WIDEST * WIDEST / 2];
    int32_t last_weights[OUTPUTS * WIDEST / 2];
    int32_t first_biases[WIDEST], second_biases[WIDEST], last_biases[OUTPUTS]; /* the shift's rounding included */
    int16_t constant_weights[WIDEST][CONSTANTS];
} network;

typedef struct {
    int first, second; /* widths of the hidden layers, padded to BLOCK */
    network networks[NETWORKS];
    uint16_t chances[LOGITS];
    float costs[LOGITS]; /* bits of a no, for each logit; of a yes for its negative */
} model;

typedef struct {
    const model *model;
    int rows, columns;
    int32_t *flat;       /* see pyramid.py */
    const float *scaled; /* coefficients in steps, where they are to be quantised */
    float price, inward; /* see rate.py */
    int finest, coarsest; /* levels that are to be quantised; coarser ones stay as they are */
} plane;

typedef enum { CODED, NO_SUCH_LENGTH, NO_SUCH_STATE, ENDS_EARLY, ENDS_ELSEWHERE, BEYOND_BOUNDS, NO_MEMORY } outcome;

typedef struct learned_level learned_level; /* see lifting_model.h */

typedef struct {
    const char *name;
    int (*here)(void); /* whether this machine has it */
    outcome (*decode)(const plane *plane, const uint8_t *data, size_t length);
    outcome (*encode)(const plane *plane, uint8_t **data, size_t *length); /* the caller frees the data */
    outcome (*quantise)(const plane *plane);
    outcome (*lift)(const learned_level *level);
} coder;

extern const coder *const CODERS[]; /* the fastest first; NULL behind the last */

/* Neighbours in its own band that a pass knows, at most OWN_MOST. */
int own_neighbours(int pass, neighbour found[]);

/* Inputs of a network that each site has of its own. */
int seen_of(int band, int pass);

/* Pack a model, and return NULL, or say what is beyond its limits. */
const char *model_pack(model *packed, int first, int second, const int16_t *weights, const int32_t *biases,
                       const uint16_t *chances);
int64_t weight_count(int first, int second);
int64_t bias_count(int first, int second);

#endif
