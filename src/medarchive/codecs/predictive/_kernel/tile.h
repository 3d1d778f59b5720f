/* A tile and what it is coded with: what module.c hands to the coder of an instruction set. */
#ifndef MEDARCHIVE_TILE_H
#define MEDARCHIVE_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"

enum {
    BLOCK = 8, /* outputs of a hidden layer that are computed together; widths are padded with zeros to it */
    FEATURE_PAIRS = (COUNT + 1) / 2,
    MOST_INPUTS = WIDEST + 2 * FEATURE_PAIRS,
    INVERSE_BITS = 12,
};

/* Pairs of 16-bit inputs or weights share 32 bits: the first of a pair in the low half. */
typedef struct {
    int first, second;               /* widths of the hidden layers */
    int first_padded, second_padded; /* multiples of BLOCK */
    int32_t first_weights[WIDEST * FEATURE_PAIRS]; /* [block][pair][BLOCK] */
    int32_t first_biases[WIDEST];                  /* the rounding of the shift included */
    int32_t second_weights[WIDEST * WIDEST / 2];
    int32_t second_biases[WIDEST];
    int32_t rates[LEARNING][MOST_INPUTS]; /* padded as the inputs of the last layer are */
    int32_t bias_rates[LEARNING];
    uint16_t tables[SHAPES][SPAN];
    uint16_t inverse[SHAPES][1 << INVERSE_BITS]; /* about where a table has a number */
} model;

typedef struct {
    int rows, columns, steps, stride;
    int widest; /* no step has more pixels */
} geometry;

typedef struct {
    const model *model;
    geometry geometry;
    int32_t highest;
    const int32_t *weights;                /* of the linear prediction */
    const int32_t *before, *before_errors; /* planes of the tile before, or NULL */
    int32_t *values, *errors;              /* planes; values are read where the tile is encoded */
    int32_t *fine;                         /* (OUTPUTS, inputs + 1), see adaptation.py */
    uint64_t *times;                       /* nanoseconds of each stage are added, or NULL */
} tile;

enum { MOST_COLUMNS = 1 + AROUND_COUNT + ACROSS_COUNT };

enum { STAGES = 5 }; /* linear prediction, features, network, entropy coding, adaptation */

typedef enum { CODED, NO_SUCH_LENGTH, NO_SUCH_STATE, ENDS_EARLY, ENDS_ELSEWHERE, VALUE_BEYOND, NO_MEMORY } outcome;

typedef struct {
    const char *name;
    int (*here)(void); /* whether this machine has it */
    outcome (*decode)(const tile *tile, const uint8_t *data, size_t length);
    outcome (*encode)(const tile *tile, uint8_t **data, size_t *length); /* the caller frees the data */
    void (*gather)(const int32_t *plane, const int32_t *before, const int32_t *places, int64_t samples,
                   const int32_t *offsets, int around, int across, float *table);
    void (*normal)(const float *table, const float *weights, int64_t samples, int stride, int columns, double *to);
    void (*missed)(const float *table, const float *weights, int64_t samples, int stride, int terms, float *to);
} coder;

extern const coder *const CODERS[]; /* the fastest first; NULL behind the last */

/* Pack a model, and return NULL, or say what is beyond its limits. */
const char *model_pack(model *packed, int first, int second, const int16_t *const weights[2],
                       const int32_t *const biases[2], const int32_t *rates, const uint16_t *tables);

geometry geometry_of(int rows, int columns);

#endif
