/* Linear prediction, see linear.py. */
#ifndef MEDARCHIVE_LINEAR_H
#define MEDARCHIVE_LINEAR_H

#include "planes.h"
#include "scratch.h"

static inline void add_terms(int32_t *restrict total, const int32_t *restrict plane, const int32_t *restrict left,
                             const ptrdiff_t *offsets, const int32_t *weights, int count, int pixels)
{
    for (int i = 0; i < count; i++) {
        const int32_t *restrict there = plane + offsets[i];
        int32_t weight = weights[i];
        EACH(p) {
            int32_t term = there[p] - left[p];
            total[p] += weight * CLIP(term, -FURTHEST, FURTHEST);
        }
    }
}

static void predict(scratch *s, const tile *tile, const run *run)
{
    static const neighbour west = {-1, 0};
    const int32_t *values = tile->values + run->place, *left = values + offset_of(&tile->geometry, west);
    int32_t *restrict predicted = s->predicted + run->at, most = 16 * tile->highest;
    int pixels = run->pixels;
    EACH(p) predicted[p] = 128;
    add_terms(predicted, values, left, s->around, tile->weights, AROUND_COUNT, pixels);
    if (tile->before)
        add_terms(predicted, tile->before + run->place, left, s->across, tile->weights + AROUND_COUNT, ACROSS_COUNT,
                  pixels);
    EACH(p) {
        int32_t sum = 16 * left[p] + (predicted[p] >> 8);
        predicted[p] = CLIP(sum, 0, most);
    }
}

#endif
