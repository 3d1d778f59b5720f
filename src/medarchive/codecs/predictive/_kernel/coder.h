/* The coder of a tile, step by step along its wavefront; compiled once for each instruction set. */
#ifndef MEDARCHIVE_CODER_H
#define MEDARCHIVE_CODER_H

#include "adaptation.h"
#include "distribution.h"
#include "features.h"
#include "flat.h"
#include "linear.h"
#include "network.h"
#include "squares.h"
#include "stages.h"

/* The next pixel's value. */
static INLINE int32_t decoded(const scratch *s, const model *model, int p, uint32_t *state, const uint16_t **next)
{
    const classes c = classes_of(s, model, p);
    uint32_t slot = *state & 0xFFFF, raw;
    int32_t n = guess(&c, (int32_t)slot, s->guess_step[p], s->guess_base[p]), low_bits = s->low_bits[p];
    uint32_t begin = start_of(&c, n), end = start_of(&c, n + 1);
    if (slot < begin || slot >= end) {
        n = search(&c, slot, n);
        begin = start_of(&c, n);
        if (n > c.last) {
            *state = taken(*state, next, begin, (1 << PRECISION) - begin);
            slot = *state & 0xFFFF;
            *state = taken(*state, next, slot, 1);
            return (int32_t)slot;
        }
        end = start_of(&c, n + 1);
    }
    *state = taken(*state, next, begin, end - begin);
    raw = (*state & 0xFFFF) >> (PRECISION - low_bits);
    *state = taken(*state, next, raw << (PRECISION - low_bits), 1u << (PRECISION - low_bits));
    return s->middle[p] - ((1 << low_bits) >> 1) + (int32_t)((uint32_t)n << low_bits) + (int32_t)raw;
}

static void decode_step(scratch *s, const model *model, int count, reader *d)
{
    uint32_t a = d->states[0], b = d->states[1], c = d->states[2], e = d->states[3];
    const uint16_t *next = d->next;
    int p = 0;
    for (; p + STATES <= count; p += STATES) {
        s->here[p] = decoded(s, model, p, &a, &next);
        s->here[p + 1] = decoded(s, model, p + 1, &b, &next);
        s->here[p + 2] = decoded(s, model, p + 2, &c, &next);
        s->here[p + 3] = decoded(s, model, p + 3, &e, &next);
    }
    if (p < count)
        s->here[p] = decoded(s, model, p, &a, &next);
    if (p + 1 < count)
        s->here[p + 1] = decoded(s, model, p + 1, &b, &next);
    if (p + 2 < count)
        s->here[p + 2] = decoded(s, model, p + 2, &c, &next);
    d->states[0] = a;
    d->states[1] = b;
    d->states[2] = c;
    d->states[3] = e;
    d->next = next;
}

/* How a pixel is coded. */
static inline interval interval_of(const scratch *s, const model *model, int p)
{
    const classes c = classes_of(s, model, p);
    int32_t low_bits = s->low_bits[p], value = s->here[p];
    int32_t raised = value - s->middle[p] + ((1 << low_bits) >> 1), n = raised >> low_bits;
    interval found = {0, 0, (uint16_t)value, 16, p % STATES};
    if (n < c.first || n > c.last) {
        uint32_t begin = start_of(&c, c.last + 1);
        found.start = (uint16_t)begin;
        found.count_less_one = (uint16_t)((1 << PRECISION) - begin - 1);
    } else {
        uint32_t begin = start_of(&c, n);
        found.start = (uint16_t)begin;
        found.count_less_one = (uint16_t)(start_of(&c, n + 1) - begin - 1);
        found.raw = (uint16_t)(raised & ((1 << low_bits) - 1));
        found.bits = (uint8_t)low_bits;
    }
    return found;
}

/* The values of the step's runs, decoded. */
static void decode_runs(scratch *s, const tile *tile, reader *d)
{
    decode_step(s, tile->model, s->count, d);
    for (int i = 0; i < s->run_count; i++) {
        const run *run = &s->runs[i];
        memcpy(tile->values + run->place, s->here + run->at, sizeof *s->here * run->count);
    }
}

/* Their intervals. */
static outcome encode_runs(scratch *s, const tile *tile, interval *to)
{
    for (int i = 0; i < s->run_count; i++) {
        const run *run = &s->runs[i];
        memcpy(s->here + run->at, tile->values + run->place, sizeof *s->here * run->count);
    }
    for (int p = 0; p < s->count; p++) {
        if (s->here[p] < 0 || s->here[p] > tile->highest)
            return VALUE_BEYOND;
        to[p] = interval_of(s, tile->model, p);
    }
    return CODED;
}

static void find_errors(const scratch *s, const tile *tile)
{
    for (int i = 0; i < s->run_count; i++) {
        const run *run = &s->runs[i];
        const int32_t *here = s->here + run->at, *predicted = s->predicted + run->at;
        int32_t *errors = tile->errors + run->place;
        for (int p = 0; p < run->count; p++)
            errors[p] = here[p] - ((predicted[p] + 8) >> 4);
    }
}

/* What the network says of the pixels of a step's runs. */
static void find_all_outputs(scratch *s, const tile *tile, int feature_pairs)
{
    uint64_t now = begin_stage(tile);
    for (int at = 0, i = 0; at < s->pixels; at += CHUNK) {
        chunk *chunk = &s->chunks[at / CHUNK];
        int pixels = pixels_of_chunk(s, at), first = i;
        for (; i < s->run_count && s->runs[i].at < at + CHUNK; i++)
            predict(s, tile, &s->runs[i]);
        now = end_stage(tile, 0, now);
        for (i = first; i < s->run_count && s->runs[i].at < at + CHUNK; i++)
            find_features(s, tile, &s->runs[i]);
        pair_features(s, chunk, feature_pairs, pixels);
        now = end_stage(tile, 1, now);
        find_activations(s, chunk, tile->model, feature_pairs, pixels);
        find_outputs(s, chunk, tile->model, feature_pairs, at, pixels);
        now = end_stage(tile, 2, now);
    }
}

/* All pixels of a step's runs. */
static outcome code_runs(scratch *s, const tile *tile, reader *d, interval *intervals)
{
    int feature_pairs = ((tile->before ? COUNT : ALONE) + 1) / 2;
    outcome result = CODED;
    uint64_t now;
    find_all_outputs(s, tile, feature_pairs);
    now = begin_stage(tile);
    find_parameters(s, tile->highest);
    find_classes(s, tile->highest);
    if (d)
        decode_runs(s, tile, d);
    else
        result = encode_runs(s, tile, intervals);
    now = end_stage(tile, 3, now);
    learn(s, tile->model, feature_pairs, tile->highest);
    find_errors(s, tile);
    end_stage(tile, 4, now);
    return result;
}

/* Both directions: with a decoder, or with room for the intervals of all pixels, of which *found are then used. */
static outcome code(const tile *tile, reader *d, interval *intervals, size_t *found)
{
    const geometry *geometry = &tile->geometry;
    scratch *s = scratch_for(geometry);
    outcome result = CODED;
    if (!s)
        return NO_MEMORY;
    last_begin(s, tile);
    for (int t = 0; t < geometry->steps && result == CODED; t++) {
        step_pixels step = pixels_of(geometry, t);
        uint64_t now = begin_stage(tile);
        *found += find_runs(s, tile, &step, d, intervals + *found);
        end_stage(tile, 3, now);
        if (s->count > 0)
            result = code_runs(s, tile, d, intervals + *found);
        *found += s->count;
        now = begin_stage(tile);
        if (d && d->next > d->end)
            result = ENDS_EARLY;
        if (d)
            fill(geometry, tile->values, t);
        fill(geometry, tile->errors, t);
        end_stage(tile, 1, now);
    }
    if (d)
        finish(geometry, tile->values);
    finish(geometry, tile->errors);
    last_finish(s, tile);
    release(s);
    return result;
}

static outcome decode(const tile *tile, const uint8_t *data, size_t length)
{
    reader d;
    size_t found = 0;
    outcome result = reader_begin(&d, data, length, tile->geometry.widest);
    if (result != CODED)
        return result;
    result = code(tile, &d, NULL, &found);
    if (result == CODED)
        result = reader_finish(&d);
    free(d.words);
    return result;
}

static outcome encode(const tile *tile, uint8_t **data, size_t *length)
{
    size_t pixels = (size_t)tile->geometry.rows * tile->geometry.columns, found = 0;
    interval *intervals = malloc((pixels + pixels / FLAT_BLOCK + tile->geometry.steps) * sizeof *intervals);
    outcome result = intervals ? code(tile, NULL, intervals, &found) : NO_MEMORY;
    if (result == CODED)
        result = encoded(intervals, found, data, length);
    free(intervals);
    return result;
}

#endif
