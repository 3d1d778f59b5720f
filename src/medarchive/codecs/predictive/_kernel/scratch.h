/* What the stages of a step hand to each other: arrays with a number, or a pair of numbers, for each pixel. */
#ifndef MEDARCHIVE_SCRATCH_H
#define MEDARCHIVE_SCRATCH_H

#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "planes.h"

/* Pixels are coded in whole blocks of 16, whole vectors of any instruction set. What concerns them alone is done for a
 * chunk of them after the other, so that all that it takes stays in the first-level cache. */
enum { CHUNK = 3 * FLAT_BLOCK, ALIGNED = 64 };

/* Over pixels, whose number is a multiple of FLAT_BLOCK, and none of which depends on another. */
#define EACH(p) INDEPENDENT for (int p = 0, end_of_##p = pixels & -FLAT_BLOCK; p < end_of_##p; p++)
#define CLIP(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))

/* Neighbouring blocks of a step that are coded, see flat.h; none lies in two chunks. */
typedef struct {
    int at, pixels, count; /* first of its pixels in the arrays; in whole blocks; and those that are there */
    ptrdiff_t place;       /* of the first one in a plane */
} run;

/* The inputs of the last layer, in pairs. */
typedef struct {
    int32_t second[WIDEST / 2][CHUNK], seen[FEATURE_PAIRS][CHUNK];
} chunk;

typedef struct {
    /* of the chunk at hand */
    int32_t features[2 * FEATURE_PAIRS][CHUNK], first[WIDEST / 2][CHUNK]; /* first: activations in pairs */
    int32_t reciprocal[CHUNK], shift[CHUNK], half[CHUNK];                             /* shift: of a product with the reciprocal */
    int32_t sum[CHUNK], sizes[CHUNK];                                    /* of a feature that needs them */

    /* where neighbours lie */
    ptrdiff_t around[AROUND_COUNT], across[ACROSS_COUNT];
    ptrdiff_t values[VALUES_COUNT], errors[ERRORS_COUNT], wide[WIDE_COUNT], nearest[NEAREST_COUNT];
    ptrdiff_t before[BEFORE_COUNT], before_errors[BEFORE_ERRORS_COUNT], same[SAME_COUNT];

    /* the last layer while it moves, padded; its weights in pairs for each output */
    int32_t fine[OUTPUTS][MOST_INPUTS], bias[OUTPUTS];
    int32_t last[MOST_INPUTS / 2][4];
    int32_t gradient[LEARNING][MOST_INPUTS];

    uint32_t chance; /* that a flat block is none after all, of 65,536 */

    /* of the step at hand: */
    int pixels, count; /* of its runs: in whole blocks, and those that are there */
    run *runs;
    int run_count;
    chunk *chunks;

    /* a number for each pixel */
    int32_t *predicted, *scale, *outputs[OUTPUTS];
    int32_t *centre, *steep, *octaves, *shape, *spread; /* the distribution; octaves: Parameters.shift */
    int32_t *middle, *edge, *low_bits, *reach, *lowest, *uppermost, *end; /* Bins; lowest: first, uppermost: last */
    int32_t *edge_step, *edge_base, *guess_step, *guess_base;             /* see distribution.h */
    int32_t *here;                                                        /* values */
    int32_t *lower, *upper; /* indices in the tables, then what lies there */
    int32_t *cost;          /* of a narrower distribution */
    int32_t *moves[LEARNING][2]; /* gradients in pairs (g, 0) and (0, g), of location and of spread */

    void *memory;
} scratch;

/* Of the chunk whose first pixel is `at`. */
static inline int pixels_of_chunk(const scratch *s, int at) { return s->pixels - at < CHUNK ? s->pixels - at : CHUNK; }

static size_t aligned(size_t bytes) { return (bytes + ALIGNED - 1) / ALIGNED * ALIGNED; }

/* The next bytes of what is left from *at on. */
static void *part_of(char **at, size_t bytes)
{
    void *found = *at;
    *at += aligned(bytes);
    return found;
}

static void share(scratch *s, char *at, size_t chunks)
{
    int32_t **each[] = {
        &s->predicted,  &s->scale,      &s->outputs[0], &s->outputs[1],  &s->outputs[2],  &s->centre,      &s->steep,
        &s->octaves,    &s->shape,      &s->spread,     &s->middle,      &s->edge,        &s->low_bits,    &s->reach,
        &s->lowest,     &s->uppermost,  &s->end,        &s->edge_step,   &s->edge_base,   &s->guess_step,
        &s->guess_base, &s->here,       &s->lower,      &s->upper,       &s->cost,        &s->moves[0][0],
        &s->moves[0][1], &s->moves[1][0], &s->moves[1][1],
    };
    s->chunks = part_of(&at, chunks * sizeof *s->chunks);
    s->runs = part_of(&at, chunks * (CHUNK / FLAT_BLOCK) * sizeof *s->runs);
    for (int i = 0; i < COUNT_OF(each); i++)
        *each[i] = part_of(&at, chunks * CHUNK * sizeof **each[i]);
}

static void find_offsets(ptrdiff_t *offsets, const geometry *geometry, const neighbour *list, int count)
{
    for (int i = 0; i < count; i++)
        offsets[i] = offset_of(geometry, list[i]);
}

static void release(scratch *s)
{
    if (s)
        free(s->memory);
}

static scratch *scratch_for(const geometry *geometry)
{
    enum { ARRAYS = 32 }; /* and a few to spare */
    size_t chunks = ((size_t)geometry->widest + CHUNK - 1) / CHUNK;
    size_t bytes = aligned(sizeof(scratch)) + aligned(chunks * sizeof(chunk))
                   + aligned(chunks * (CHUNK / FLAT_BLOCK) * sizeof(run))
                   + ARRAYS * aligned(chunks * CHUNK * sizeof(int32_t));
    char *memory = calloc(1, bytes + ALIGNED);
    scratch *s;
    if (!memory)
        return NULL;
    s = (scratch *)(memory + (ALIGNED - (uintptr_t)memory % ALIGNED));
    s->memory = memory;
    share(s, (char *)s + aligned(sizeof *s), chunks);
    s->chance = FIRST_CHANCE;
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
