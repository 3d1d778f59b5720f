/* What the stages of a step hand to each other: arrays with a number, or a pair of numbers, for each pixel. */
#ifndef MEDARCHIVE_SCRATCH_H
#define MEDARCHIVE_SCRATCH_H

#include <stdlib.h>
#include <string.h>

#include "planes.h"

enum { ROUND = FLAT_BLOCK, ALIGNED = 64 }; /* loops over pixels run in whole vectors of up to 16 lanes, 64 bytes */

#define EACH(p) for (int p = 0; p < pixels; p++)
#define CLIP(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))

#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 8")
#else
#define UNROLL
#endif

/* Neighbouring blocks of a step that are coded, see flat.h. */
typedef struct {
    int at, pixels, count; /* first of its pixels in the arrays; in whole blocks; and those that are there */
    ptrdiff_t place;       /* of the first one in a plane */
} run;

typedef struct {
    int pixels, count; /* of a step's runs: in whole blocks, and those that are there */
    int row;    /* from one row of a matrix to the next: the most pixels of any step, rounded up */

    /* where neighbours lie */
    ptrdiff_t around[AROUND_COUNT], across[ACROSS_COUNT];
    ptrdiff_t values[VALUES_COUNT], errors[ERRORS_COUNT], wide[WIDE_COUNT], nearest[NEAREST_COUNT];
    ptrdiff_t before[BEFORE_COUNT], before_errors[BEFORE_ERRORS_COUNT], same[SAME_COUNT];

    uint32_t chance; /* that a flat block is none after all, of 65,536 */
    run *runs;
    int run_count;

    /* the last layer while it moves, padded; its weights in pairs for each output */
    int32_t fine[OUTPUTS][MOST_INPUTS], bias[OUTPUTS];
    int32_t last[MOST_INPUTS / 2][4];
    int32_t gradient[LEARNING][MOST_INPUTS];

    int32_t *predicted;
    int32_t *scale, *reciprocal, *shift; /* shift: of a product with the reciprocal */
    int32_t *sum, *sizes;                /* of a feature that needs them */
    int16_t *features;                   /* matrix */
    int32_t *seen;                       /* matrix: features in pairs */
    int32_t *first, *second;             /* matrices: activations in pairs */
    int32_t *outputs;                    /* matrix */

    int32_t *centre, *steep, *octaves, *shape, *spread;         /* the distribution; octaves: Parameters.shift */
    int32_t *middle, *edge, *low_bits, *reach, *lowest, *uppermost, *end; /* Bins; lowest: first, uppermost: last */
    int32_t *edge_step, *edge_base, *guess_step, *guess_base;             /* see distribution.h */
    int32_t *here;                                                        /* values */

    int32_t *lower, *upper; /* indices in the tables, then what lies there */
    int32_t *cost;          /* of a narrower distribution */
    int32_t *moves;                /* matrix: gradients in pairs (g, 0), (0, g), of location and of spread */

    int32_t *block, *memory; /* what was allocated; the part of it that is used */
    size_t used;
} scratch;

/* The next rows of what is left, none where there is no memory yet. */
static int32_t *rows_of(scratch *s, size_t rows)
{
    size_t at = s->used;
    s->used += rows * (size_t)s->row;
    return s->memory ? s->memory + at : NULL;
}

static void share_memory(scratch *s)
{
    int32_t **single[] = {
        &s->predicted, &s->scale,  &s->reciprocal, &s->shift,     &s->sum,   &s->sizes,     &s->centre,     &s->steep,
        &s->octaves,   &s->shape,  &s->spread,     &s->middle,    &s->edge,  &s->low_bits,  &s->reach,      &s->lowest,
        &s->uppermost, &s->end,    &s->edge_step,  &s->edge_base, &s->here,  &s->guess_step, &s->guess_base, &s->lower,
        &s->upper,     &s->cost,
    };
    s->used = 0;
    for (int i = 0; i < COUNT_OF(single); i++)
        *single[i] = rows_of(s, 1);
    s->features = (int16_t *)rows_of(s, FEATURE_PAIRS);
    s->seen = rows_of(s, FEATURE_PAIRS);
    s->first = rows_of(s, WIDEST / 2);
    s->second = rows_of(s, WIDEST / 2);
    s->outputs = rows_of(s, OUTPUTS);
    s->moves = rows_of(s, 2 * LEARNING);
}

static void find_offsets(ptrdiff_t *offsets, const geometry *geometry, const neighbour *list, int count)
{
    for (int i = 0; i < count; i++)
        offsets[i] = offset_of(geometry, list[i]);
}

static void release(scratch *s)
{
    if (s) {
        free(s->block);
        free(s->runs);
    }
    free(s);
}

static scratch *scratch_for(const geometry *geometry)
{
    scratch *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->row = (geometry->widest + ROUND - 1) / ROUND * ROUND;
    share_memory(s);
    s->block = calloc(s->used + ALIGNED / sizeof(int32_t), sizeof(int32_t));
    s->runs = malloc((size_t)(s->row / FLAT_BLOCK) * sizeof *s->runs);
    if (!s->block || !s->runs) {
        release(s);
        return NULL;
    }
    s->chance = FIRST_CHANCE;
    s->memory = s->block + (ALIGNED - (uintptr_t)s->block % ALIGNED) / sizeof(int32_t);
    share_memory(s);
    find_offsets(s->around, geometry, AROUND, AROUND_COUNT);
    find_offsets(s->across, geometry, ACROSS, ACROSS_COUNT);
    find_offsets(s->values, geometry, VALUES, VALUES_COUNT);
    find_offsets(s->errors, geometry, ERRORS, ERRORS_COUNT);
    find_offsets(s->wide, geometry, WIDE, WIDE_COUNT);
    find_offsets(s->nearest, geometry, NEAREST, NEAREST_COUNT);
    find_offsets(s->before, geometry, BEFORE, BEFORE_COUNT);
    find_offsets(s->before_errors, geometry, BEFORE_ERRORS, BEFORE_ERRORS_COUNT);
    find_offsets(s->same, geometry, SAME, SAME_COUNT);
    return s;
}

#endif
