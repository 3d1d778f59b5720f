/* The levels of a plane: where coefficients lie, and what the network sees of them, see Canvas and Pyramid. */
#ifndef MEDARCHIVE_LEVELS_H
#define MEDARCHIVE_LEVELS_H

#include <string.h>

#include "rans.h"

enum {
    CHUNK = 48,   /* sites whose features are found together */
    SPARE = 80,   /* columns behind the last one that loads may run into */
    ABOVE = 4,    /* rows above and below */
};

/* What the network sees of a band: in its raster, for those a level below; and the sites of each pass by themselves, for
 * those around, so that neighbours are contiguous loads. */
typedef struct {
    int rows, columns;
    int32_t *values; /* in the plane's flat array */
    const float *scaled;
    int16_t *raster, *parts[2][2]; /* by row and column modulo 2; each points at its first site */
} band;

typedef struct {
    int rows, columns;              /* of the level's low band */
    ptrdiff_t stride, part_stride;
    band bands[BANDS];
    int activities[BANDS];
} level;

typedef struct {
    int count;
    int32_t *low;
    int low_size;
    level levels[MOST_LEVELS]; /* the finest first */
    int16_t *memory;
} levels;

static size_t band_room(const level *l)
{
    size_t raster = (size_t)l->stride * (size_t)(l->rows + 2 * ABOVE);
    size_t part = (size_t)l->part_stride * (size_t)((l->rows + 1) / 2 + 2 * ABOVE);
    return raster + 4 * part;
}

static void levels_end(levels *all) { free(all->memory); }

static outcome levels_begin(levels *all, const plane *plane)
{
    int rows = plane->rows, columns = plane->columns;
    size_t room = 0;
    int32_t *flat = plane->flat;
    int16_t *at;
    memset(all, 0, sizeof *all);
    for (; rows > COARSEST || columns > COARSEST; all->count++) {
        level *l = &all->levels[all->count];
        int high = rows / 2, wide = columns / 2;
        l->rows = rows = (rows + 1) / 2;
        l->columns = columns = (columns + 1) / 2;
        l->stride = columns + 2 * MARGIN + SPARE;
        l->part_stride = (columns + 1) / 2 + 2 * MARGIN + SPARE;
        l->bands[0].rows = rows, l->bands[0].columns = wide;
        l->bands[1].rows = high, l->bands[1].columns = columns;
        l->bands[2].rows = high, l->bands[2].columns = wide;
        room += BANDS * band_room(l);
    }
    all->low = flat;
    all->low_size = rows * columns;
    flat += all->low_size;
    all->memory = at = calloc(room + 1, sizeof *at);
    if (!at)
        return NO_MEMORY;
    for (int i = all->count - 1; i >= 0; i--) {
        level *l = &all->levels[i];
        ptrdiff_t part = l->part_stride * ((l->rows + 1) / 2 + 2 * ABOVE);
        for (int b = 0; b < BANDS; b++) {
            band *band = &l->bands[b];
            band->values = flat;
            band->scaled = plane->scaled ? plane->scaled + (flat - plane->flat) : NULL;
            flat += (ptrdiff_t)band->rows * band->columns;
            band->raster = at + ABOVE * l->stride + MARGIN;
            at += l->stride * (l->rows + 2 * ABOVE);
            for (int p = 0; p < 4; p++, at += part)
                band->parts[p / 2][p % 2] = at + ABOVE * l->part_stride + MARGIN;
        }
    }
    return CODED;
}

/* Companded, see context.py. */
static const uint8_t COMPANDED[256] = {
#include "companded.h"
};

static inline int16_t look_of(int32_t value)
{
    uint32_t size = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    int16_t look = COMPANDED[size < 256 ? size : 255];
    return value < 0 ? (int16_t)-look : look;
}

#endif
