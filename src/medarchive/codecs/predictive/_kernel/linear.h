/* Linear prediction, see linear.py. */
#ifndef MEDARCHIVE_LINEAR_H
#define MEDARCHIVE_LINEAR_H

#include "planes.h"
#include "scratch.h"
#include "vectors.h"

static INLINE vec with_terms(vec total, const int32_t *plane, vec left, const ptrdiff_t *offsets, const int32_t *weights,
                             int count)
{
    for (int i = 0; i < count; i++) {
        vec term = less(load(plane + offsets[i]), left);
        term = within(term, broadcast(-FURTHEST), broadcast(FURTHEST));
        total = add(total, times(term, broadcast(weights[i])));
    }
    return total;
}

/* Of a run's pixels, into s->predicted. */
static void predict(scratch *s, const tile *tile, const run *run)
{
    static const neighbour west = {-1, 0};
    const int32_t *values = tile->values + run->place, *lefts = values + offset_of(&tile->geometry, west);
    vec none = broadcast(0), most = broadcast(16 * tile->highest);
    for (int p = 0; p < run->pixels; p += LANES) {
        vec left = load(lefts + p);
        vec total = with_terms(broadcast(128), values + p, left, s->around, tile->weights, AROUND_COUNT);
        if (tile->before)
            total = with_terms(total, tile->before + run->place + p, left, s->across, tile->weights + AROUND_COUNT,
                               ACROSS_COUNT);
        total = add(times(left, broadcast(16)), shifted_right(total, 8));
        store(s->predicted + run->at + p, within(total, none, most));
    }
}

#endif
