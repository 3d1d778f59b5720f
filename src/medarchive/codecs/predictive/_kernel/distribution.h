/* Distributions, see distribution.py. All that does not depend on the stream is found for a whole step at once.
 *
 * Class n begins at `edge` + (n << (low_bits + 4)) sixteenths from the centre, and at entry
 * CENTRE + ((n * edge_step + edge_base) >> (5 + octaves)) of the table. Entry i lies in about class
 * ((2 * (i - CENTRE) + 1) * guess_step + guess_base) >> 17.
 */
#ifndef MEDARCHIVE_DISTRIBUTION_H
#define MEDARCHIVE_DISTRIBUTION_H

#include "scratch.h"

/* parameters() */
static void find_parameters(scratch *s, int32_t highest)
{
    const int32_t *restrict scale = s->scale, *restrict predicted = s->predicted;
    const int32_t *restrict locations = s->outputs[0], *restrict spreads = s->outputs[1];
    const int32_t *restrict shapes = s->outputs[2], *steep = STEEP[0];
    int32_t *restrict centre = s->centre, *restrict steepness = s->steep, *restrict octaves = s->octaves;
    int32_t *restrict shape = s->shape, *restrict spread = s->spread;
    int pixels = s->pixels;
    EACH(p) {
        int32_t octave = scale[p] >> 2, quarter = scale[p] & 3;
        int32_t location = CLIP(locations[p], -MOST_LOCATION, MOST_LOCATION);
        int32_t wide = CLIP(spreads[p], LEAST_SPREAD, MOST_SPREAD);
        int32_t moved = predicted[p] + ((((location * (2 * quarter + 9)) << octave) + 128) >> 8);
        centre[p] = CLIP(moved, 0, 16 * highest);
        steepness[p] = steep[8 * quarter + (wide & 7)];
        octaves[p] = octave + (wide >> 3);
        spread[p] = wide;
        shape[p] = CLIP(shapes[p], 0, SHAPES - 1);
    }
}

/* bins() */
static void find_classes(scratch *s, int32_t highest)
{
    const int32_t *restrict centres = s->centre, *restrict steep = s->steep, *restrict octaves = s->octaves;
    int32_t *restrict middles = s->middle, *restrict edges = s->edge, *restrict bits = s->low_bits;
    int32_t *restrict reaches = s->reach, *restrict lowest = s->lowest, *restrict uppermost = s->uppermost;
    int32_t *restrict ends = s->end, *restrict edge_step = s->edge_step, *restrict edge_base = s->edge_base;
    int32_t *restrict guess_step = s->guess_step, *restrict guess_base = s->guess_base;
    int pixels = s->pixels;
    EACH(p) {
        int32_t middle = (centres[p] + 8) >> 4, low_bits = octaves[p] > 5 ? octaves[p] - 5 : 0;
        int32_t narrow = octaves[p] < 5 ? 5 - octaves[p] : 0, half = (1 << low_bits) >> 1;
        int32_t reach = (REACH >> narrow) + 4, edge = -16 * half - 8 - (centres[p] - 16 * middle);
        int32_t low = (half - middle) >> low_bits, high = (highest - middle + half) >> low_bits;
        int32_t escape = (low < -reach) | (high > reach);
        middles[p] = middle;
        edges[p] = edge;
        bits[p] = low_bits;
        reaches[p] = reach;
        lowest[p] = low < -reach ? -reach : low;
        uppermost[p] = high > reach ? reach : high;
        ends[p] = high > reach ? 0 : (1 << PRECISION) - 2 * escape;
        edge_step[p] = steep[p] << (low_bits + 4);
        edge_base[p] = edge * steep[p];
        guess_step[p] = (int32_t)((float)(1 << 22) / (float)steep[p]) >> narrow;
        guess_base[p] = ((-edge << 12) >> low_bits) << 1;
    }
}

/* The classes of one pixel. */
typedef struct {
    const uint16_t *table, *inverse;
    int64_t step, base;
    int32_t shift, floor, reach, first, last, end;
} classes;

static INLINE classes classes_of(const scratch *s, const model *model, int p)
{
    classes c = {
        .table = model->tables[s->shape[p]],
        .inverse = model->inverse[s->shape[p]],
        .step = s->edge_step[p],
        .base = s->edge_base[p],
        .shift = 5 + s->octaves[p],
        .floor = (1 << PRECISION) - 2 * s->reach[p] - 2,
        .reach = s->reach[p],
        .first = s->lowest[p],
        .last = s->uppermost[p],
        .end = s->end[p],
    };
    return c;
}

/* start(), for first <= n <= last + 1 */
static INLINE uint32_t start_of(const classes *c, int32_t n)
{
    int64_t index = ((n * c->step + c->base) >> c->shift) + CENTRE;
    uint32_t entry = c->table[CLIP(index, 0, SPAN - 1)];
    uint32_t found = (entry * (uint32_t)c->floor >> PRECISION) + (uint32_t)(n + c->reach);
    found = n > c->last && c->end ? (uint32_t)c->end : found;
    return n <= c->first ? 0 : found;
}

/* A class from first to last that the slot is in, or near to. */
static INLINE int32_t guess(const classes *c, int32_t slot, int32_t guess_step, int32_t guess_base)
{
    int32_t there = slot + (((slot - (1 << (PRECISION - 1))) * c->reach) >> (PRECISION - 1));
    int32_t index = c->inverse[CLIP(there, 0, (1 << PRECISION) - 1) >> (PRECISION - INVERSE_BITS)];
    int32_t n = ((2 * (index - CENTRE) + 1) * guess_step + guess_base) >> 17;
    return CLIP(n, c->first, c->last);
}

/* The last class up to last + 1 that begins at or before the slot, which is not in class n. */
static int32_t search(const classes *c, uint32_t slot, int32_t n)
{
    int32_t low = c->first, high = c->last + 1, width = 1;
    if (start_of(c, n) > slot) {
        high = n - 1;
        for (; low < high; width *= 2) {
            int32_t at = high - width + 1 > low ? high - width + 1 : low + 1;
            if (start_of(c, at) <= slot) {
                low = at;
                break;
            }
            high = at - 1;
        }
    } else {
        low = n + 1;
        for (; low < high; width *= 2) {
            int32_t at = low + width < high ? low + width : high;
            if (start_of(c, at) > slot) {
                high = at - 1;
                break;
            }
            low = at;
        }
    }
    while (low < high) {
        int32_t at = (low + high + 1) >> 1;
        if (start_of(c, at) <= slot)
            low = at;
        else
            high = at - 1;
    }
    return low;
}

#endif
