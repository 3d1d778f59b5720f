/* Features, see features.py: the same order, the same names. */
#ifndef MEDARCHIVE_FEATURES_H
#define MEDARCHIVE_FEATURES_H

#include "planes.h"
#include "scratch.h"
#include "vectors.h"

/* The exponent of a number and the two bits behind its first, as its float32 has them. */
static inline int32_t octaves(int32_t eighths)
{
    union {
        float number;
        int32_t bits;
    } as = {(float)eighths};
    return (as.bits >> 21) - (127 << 2);
}

static inline int32_t size_of(int32_t x) { return x < 0 ? -x : x; }

static inline int32_t in_scale(int32_t sixteenths, int32_t reciprocal, int32_t shift)
{
    int32_t product = CLIP(sixteenths, -SCALED_MOST, SCALED_MOST) * reciprocal;
    int32_t scaled = (product + (1 << (shift - 1))) >> shift;
    return CLIP(scaled, -FEATURE_LIMIT, FEATURE_LIMIT);
}

static inline int32_t against_scale(int32_t eighths, int32_t scale)
{
    int32_t octave = 4 * (octaves(eighths + 1 < SCALE_MOST ? eighths + 1 : SCALE_MOST) - scale);
    return CLIP(octave, -FEATURE_LIMIT, FEATURE_LIMIT);
}

/* One more feature: an expression of p. */
#define FEATURE(expression)           \
    do {                              \
        EACH(p) to[p] = (expression); \
        to += CHUNK;                  \
    } while (0)
#define IN_SCALE(sixteenths) in_scale(sixteenths, reciprocal[p], shift[p])
#define AGAINST_SCALE(eighths) against_scale(eighths, scale[p])

/* Where neighbours of the first pixel lie. */
#define AT(plane, dx, dy) ((plane) + offset_of(geometry, (neighbour){dx, dy}))

static void find_scale(scratch *s, const tile *tile, const run *run)
{
    const geometry *geometry = &tile->geometry;
    const int32_t *errors = tile->errors + run->place;
    const int32_t *west = AT(errors, -1, 0), *north = AT(errors, 0, 1), *north_west = AT(errors, -1, 1);
    const int32_t *north_east = AT(errors, 1, 1), *west_west = AT(errors, -2, 0), *north_north = AT(errors, 0, 2);
    int32_t *restrict scale = s->scale + run->at, *restrict reciprocal = s->reciprocal + run->at % CHUNK;
    int32_t *restrict shift = s->shift + run->at % CHUNK, *restrict half = s->half + run->at % CHUNK;
    int pixels = run->pixels;
    EACH(p) {
        int32_t near = 2 * (size_of(west[p]) + size_of(north[p])) + size_of(north_west[p]) + size_of(north_east[p])
                       + size_of(west_west[p]) + size_of(north_north[p]);
        int32_t k = octaves(near + 1 < SCALE_MOST ? near + 1 : SCALE_MOST), quarter = k & 3;
        scale[p] = k;
        reciprocal[p] = quarter == 0   ? (1 << 16) / 9
                        : quarter == 1 ? (1 << 16) / 11
                        : quarter == 2 ? (1 << 16) / 13
                                       : (1 << 16) / 15;
        shift[p] = (k >> 2) + 10;
        half[p] = 1 << ((k >> 2) + 9);
    }
}

static inline void add_sizes(int32_t *restrict sum, const int32_t *plane, const ptrdiff_t *offsets, int count,
                             int pixels)
{
    EACH(p) sum[p] = 0;
    for (int i = 0; i < count; i++) {
        const int32_t *there = plane + offsets[i];
        EACH(p) sum[p] += size_of(there[p]);
    }
}

/* Features of a list of neighbours: what lies there or, `against` the prediction, how far it is from that. */
static inline int32_t *rows_in_scale(const scratch *s, const run *run, const int32_t *plane, const ptrdiff_t *offsets,
                                     int count, int against, int32_t *to)
{
    const vec most = broadcast(SCALED_MOST), least = broadcast(-SCALED_MOST);
    const vec high = broadcast(FEATURE_LIMIT), low = broadcast(-FEATURE_LIMIT);
    for (int p = 0; p < run->pixels; p += LANES) {
        int at = run->at % CHUNK + p;
        vec from = against ? load(s->predicted + run->at + p) : broadcast(0);
        vec reciprocal = load(s->reciprocal + at), shift = load(s->shift + at), half = load(s->half + at);
        for (int i = 0; i < count; i++) {
            vec x = less(times(load(plane + offsets[i] + p), broadcast(16)), from);
            x = add(times(within(x, least, most), reciprocal), half);
            store(to + i * CHUNK + p, within(shifted_right_each(x, shift), low, high));
        }
    }
    return to + count * CHUNK;
}

static int32_t *features_alone(scratch *s, const tile *tile, const run *run)
{
    const geometry *geometry = &tile->geometry;
    const int32_t *values = tile->values + run->place, *errors = tile->errors + run->place;
    const int32_t *restrict predicted = s->predicted + run->at, *restrict scale = s->scale + run->at;
    const int32_t *restrict reciprocal = s->reciprocal + run->at % CHUNK, *restrict shift = s->shift + run->at % CHUNK;
    int32_t *restrict sum = s->sum + run->at % CHUNK;
    int32_t *restrict to = s->features[0] + run->at % CHUNK;
    int pixels = run->pixels;
    int32_t most = 16 * tile->highest, across = tile->before ? 64 : 0;

    to = rows_in_scale(s, run, values, s->values, VALUES_COUNT, 1, to);
    to = rows_in_scale(s, run, errors, s->errors, ERRORS_COUNT, 0, to);
    {
        const int32_t *west = AT(values, -1, 0), *north = AT(values, 0, 1), *north_west = AT(values, -1, 1);
        EACH(p) {
            int32_t plane = west[p] + north[p] - north_west[p];
            int32_t low = west[p] < north[p] ? west[p] : north[p], high = west[p] < north[p] ? north[p] : west[p];
            sum[p] = 16 * CLIP(plane, low, high);
        }
        FEATURE(IN_SCALE(sum[p] - predicted[p]));
    }
    {
        const int32_t *west = AT(errors, -1, 0), *north = AT(errors, 0, 1), *north_west = AT(errors, -1, 1);
        const int32_t *north_east = AT(errors, 1, 1), *west_west = AT(errors, -2, 0), *north_north = AT(errors, 0, 2);
        FEATURE(IN_SCALE(
            2 * (2 * (west[p] + north[p]) + north_west[p] + north_east[p] + west_west[p] + north_north[p])));
        for (int i = 0; i < NEAREST_COUNT; i++) {
            const int32_t *there = errors + s->nearest[i];
            FEATURE(AGAINST_SCALE(8 * size_of(there[p])));
        }
        add_sizes(sum, errors, s->wide, WIDE_COUNT, pixels);
        FEATURE(AGAINST_SCALE((sum[p] * 5) >> 3));
    }
    {
        const int32_t *west = AT(values, -1, 0), *north = AT(values, 0, 1), *north_west = AT(values, -1, 1);
        const int32_t *north_east = AT(values, 1, 1), *west_west = AT(values, -2, 0), *north_north = AT(values, 0, 2);
        FEATURE(AGAINST_SCALE(2
                              * (size_of(west[p] - north_west[p]) + size_of(north[p] - north_west[p])
                                 + size_of(north[p] - north_east[p]) + size_of(west[p] - west_west[p])
                                 + size_of(north[p] - north_north[p]))));
    }
    {
        const int32_t *west = AT(errors, -1, 0), *west_west = AT(errors, -2, 0);
        const int32_t *north = AT(errors, 0, 1), *north_north = AT(errors, 0, 2);
        FEATURE(AGAINST_SCALE(4 * (size_of(west[p]) + size_of(west_west[p]))));
        FEATURE(AGAINST_SCALE(4 * (size_of(north[p]) + size_of(north_north[p]))));
    }
    FEATURE(CLIP(3 * (scale[p] - 20), -FEATURE_LIMIT, FEATURE_LIMIT));
    FEATURE(8 * ((predicted[p] & 15) - 8));
    FEATURE(IN_SCALE(predicted[p]));
    FEATURE(IN_SCALE(most - predicted[p]));
    FEATURE(across);
    return to;
}

static void features_across(scratch *s, const tile *tile, const run *run, int32_t *restrict to)
{
    const geometry *geometry = &tile->geometry;
    const int32_t *values = tile->values + run->place;
    const int32_t *here = tile->before + run->place, *errors = tile->before_errors + run->place;
    const int32_t *restrict predicted = s->predicted + run->at, *restrict scale = s->scale + run->at;
    const int32_t *restrict reciprocal = s->reciprocal + run->at % CHUNK, *restrict shift = s->shift + run->at % CHUNK;
    int32_t *restrict sum = s->sum + run->at % CHUNK, *restrict sizes = s->sizes + run->at % CHUNK;
    int pixels = run->pixels;

    to = rows_in_scale(s, run, here, s->before, BEFORE_COUNT, 1, to);
    to = rows_in_scale(s, run, errors, s->before_errors, BEFORE_ERRORS_COUNT, 0, to);
    EACH(p) sum[p] = sizes[p] = 0;
    for (int i = 0; i < NEAREST_COUNT; i++) {
        const int32_t *there = values + s->nearest[i], *before = here + s->nearest[i];
        if (i < 2)
            FEATURE(IN_SCALE(16 * (here[p] + there[p] - before[p]) - predicted[p]));
        EACH(p) sum[p] += there[p] - before[p];
        EACH(p) sizes[p] += size_of(there[p] - before[p]);
    }
    FEATURE(IN_SCALE(16 * here[p] + 4 * sum[p] - predicted[p]));
    add_sizes(sum, errors, s->before, BEFORE_COUNT, pixels);
    FEATURE(AGAINST_SCALE((sum[p] * 7) >> 3));
    {
        const int32_t *east = AT(errors, 1, 0), *south = AT(errors, 0, -1), *south_east = AT(errors, 1, -1);
        FEATURE(AGAINST_SCALE(
            2 * (size_of(errors[p]) + size_of(east[p]) + size_of(south[p]) + size_of(south_east[p]))));
    }
    FEATURE(AGAINST_SCALE(2 * sizes[p]));
}

/* Of a run's pixels, into s->scale and s->features. */
static void find_features(scratch *s, const tile *tile, const run *run)
{
    int32_t *end;
    find_scale(s, tile, run);
    end = features_alone(s, tile, run);
    if (tile->before)
        features_across(s, tile, run, end);
}

/* Of a chunk; an odd number of features has zeros behind it, which nobody writes. */
static void pair_features(const scratch *s, chunk *to, int feature_pairs, int pixels)
{
    for (int i = 0; i < feature_pairs; i++) {
        const int32_t *low = s->features[2 * i], *high = s->features[2 * i + 1];
        int32_t *restrict seen = to->seen[i];
        EACH(p) seen[p] = (int32_t)((uint32_t)(low[p] & 0xFFFF) | (uint32_t)high[p] << 16);
    }
}

#endif
