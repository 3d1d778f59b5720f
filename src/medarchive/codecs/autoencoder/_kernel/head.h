/* The head of a plane, see head.py. */
#ifndef MEDARCHIVE_HEAD_H
#define MEDARCHIVE_HEAD_H

#include <math.h>

#include "levels.h"

static int activity_of(const band *band)
{
    uint64_t total = 0;
    int64_t size = (int64_t)band->rows * band->columns;
    double found;
    for (int64_t i = 0; i < size; i++)
        total += (uint64_t)(band->values[i] < 0 ? -(int64_t)band->values[i] : band->values[i]);
    if (!total)
        return 0;
    found = 1 + rint(4 * log2(fmax(1.0, 1024.0 * (double)total / (double)size)));
    return found < MOST_ACTIVITY ? (int)found : MOST_ACTIVITY;
}

static int expected_activity(const levels *all, int level, int band)
{
    if (band)
        return all->levels[level].activities[0];
    return level + 1 < all->count ? all->levels[level + 1].activities[0] : MOST_ACTIVITY / 2;
}

static void find_activities(levels *all)
{
    for (int i = 0; i < all->count; i++)
        for (int b = 0; b < BANDS; b++)
            all->levels[i].activities[b] = activity_of(&all->levels[i].bands[b]);
}

static int put_head(writer *e, levels *all)
{
    int64_t most = 0;
    int width = 0;
    for (int i = 0; i < all->low_size; i++) {
        int64_t step = (int64_t)all->low[i] - (i ? all->low[i - 1] : 0);
        most = step < 0 ? (-step > most ? -step : most) : step > most ? step : most;
    }
    while (most >> width)
        width++;
    if (!writer_room(e, (size_t)(WIDTH_BITS + all->low_size * (width + 1) + all->count * BANDS * 2 * MOST_ACTIVITY)))
        return 0;
    put_number(e, (uint32_t)width, WIDTH_BITS);
    for (int i = 0; i < all->low_size; i++) {
        int64_t step = (int64_t)all->low[i] - (i ? all->low[i - 1] : 0);
        put_number(e, (uint32_t)(step < 0 ? -step : step), width);
        if (step)
            put(e, step < 0, HALF);
    }
    for (int i = all->count - 1; i >= 0; i--)
        for (int b = 0; b < BANDS; b++) {
            int step = all->levels[i].activities[b] - expected_activity(all, i, b);
            uint32_t folded = (uint32_t)(step >= 0 ? 2 * step : -2 * step - 1);
            for (uint32_t k = 0; k < folded >> RICE; k++)
                put(e, 1, HALF);
            put(e, 0, HALF);
            put_number(e, folded & ((1u << RICE) - 1), RICE);
        }
    return 1;
}

/* What came out is no such thing; where the stream had ended before, that is what is wrong with it. */
static outcome beyond_bounds(const reader *d) { return d->early ? ENDS_EARLY : BEYOND_BOUNDS; }

static outcome take_head(reader *d, levels *all)
{
    int width = (int)take_number(d, WIDTH_BITS);
    int64_t last = 0;
    for (int i = 0; i < all->low_size; i++) {
        int64_t step = take_number(d, width);
        last += step && take(d, HALF) ? -step : step;
        if (last > MOST_LOW || last < -MOST_LOW)
            return beyond_bounds(d);
        all->low[i] = (int32_t)last;
    }
    for (int i = all->count - 1; i >= 0; i--)
        for (int b = 0; b < BANDS; b++) {
            uint32_t folded = 0;
            int found;
            while (take(d, HALF)) {
                folded += 1u << RICE;
                if (folded > 2 * MOST_ACTIVITY + 1)
                    return beyond_bounds(d);
            }
            folded += take_number(d, RICE);
            found = expected_activity(all, i, b) + (folded % 2 ? -(int)(folded / 2) - 1 : (int)(folded / 2));
            if (found < 0 || found > MOST_ACTIVITY)
                return beyond_bounds(d);
            all->levels[i].activities[b] = found;
        }
    return d->early ? ENDS_EARLY : CODED;
}

#endif
