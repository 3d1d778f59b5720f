/* Flat blocks, see flat.py: what is around them says that they are flat, and one bit that so they are. */
#ifndef MEDARCHIVE_FLAT_H
#define MEDARCHIVE_FLAT_H

#include "planes.h"
#include "rans.h"
#include "scratch.h"

/* Whether all neighbours of these pixels equal those on the left. */
static inline int is_flat(const int32_t *values, const int32_t *left, const ptrdiff_t *same, int count)
{
    int32_t differ[FLAT_BLOCK] = {0}, any = 0;
    for (int i = 0; i < SAME_COUNT; i++) {
        const int32_t *there = values + same[i];
        for (int p = 0; p < FLAT_BLOCK; p++)
            differ[p] |= there[p] ^ left[p];
    }
    for (int p = 0; p < count; p++)
        any |= differ[p];
    return any == 0;
}

static inline void learn_chance(scratch *s, int surprised)
{
    uint32_t chance = s->chance;
    s->chance = surprised ? chance + (((1u << PRECISION) - chance) >> CHANCE_SHIFT) : chance - (chance >> CHANCE_SHIFT);
}

static inline int decode_surprise(const scratch *s, reader *d, int lane)
{
    uint32_t *state = &d->states[lane];
    int surprised = (*state & 0xFFFF) < s->chance;
    *state = surprised ? taken(*state, &d->next, 0, s->chance)
                       : taken(*state, &d->next, s->chance, (1u << PRECISION) - s->chance);
    return surprised;
}

static inline interval surprise_interval(const scratch *s, int surprised, int lane)
{
    uint32_t start = surprised ? 0 : s->chance, end = surprised ? s->chance : 1u << PRECISION;
    interval found = {(uint16_t)start, (uint16_t)(end - start - 1), 0, 0, (uint8_t)lane};
    return found;
}

/* Finds the runs of a step, completes what lies between them, and says how many intervals that took. */
static size_t find_runs(scratch *s, const tile *tile, const step_pixels *step, reader *d, interval *to)
{
    static const neighbour west = {-1, 0};
    ptrdiff_t to_left = offset_of(&tile->geometry, west);
    size_t found = 0;
    int follows = 0;
    s->pixels = s->count = s->run_count = 0;
    for (int first = 0, block = 0; first < step->count; first += FLAT_BLOCK, block++) {
        ptrdiff_t place = step->place + first;
        int count = step->count - first < FLAT_BLOCK ? step->count - first : FLAT_BLOCK;
        int32_t *values = tile->values + place;
        const int32_t *left = values + to_left;
        if (is_flat(values, left, s->same, count)) {
            int surprised;
            if (d)
                surprised = decode_surprise(s, d, block % STATES);
            else {
                surprised = memcmp(values, left, sizeof *values * count) != 0;
                to[found++] = surprise_interval(s, surprised, block % STATES);
            }
            learn_chance(s, surprised);
            if (!surprised) {
                if (d)
                    memcpy(values, left, sizeof *values * count);
                memset(tile->errors + place, 0, sizeof *values * count);
                follows = 0;
                continue;
            }
        }
        if (!follows || s->pixels % CHUNK == 0)
            s->runs[s->run_count++] = (run){s->pixels, 0, 0, place};
        follows = 1;
        s->runs[s->run_count - 1].pixels += FLAT_BLOCK;
        s->runs[s->run_count - 1].count += count;
        s->pixels += FLAT_BLOCK;
        s->count += count;
    }
    return found;
}

#endif
