/* rANS, see rans.py: four states, words of 16 bits. */
#ifndef MEDARCHIVE_RANS_H
#define MEDARCHIVE_RANS_H

#include <stdlib.h>

#include "planes.h"

typedef struct {
    uint32_t states[STATES];
    uint16_t *words;
    const uint16_t *next, *end; /* behind the end lie zeros, as many as a step can take */
} reader;

static inline uint32_t word_at(const uint8_t *data) { return (uint32_t)data[0] | (uint32_t)data[1] << 8; }

static outcome reader_begin(reader *d, const uint8_t *data, size_t length, int widest)
{
    size_t count;
    if (length < 4 * STATES || length % 2)
        return NO_SUCH_LENGTH;
    for (int i = 0; i < STATES; i++, data += 4)
        d->states[i] = word_at(data) | word_at(data + 2) << 16;
    for (int i = 0; i < STATES; i++)
        if (d->states[i] < LEAST_STATE)
            return NO_SUCH_STATE;
    count = (length - 4 * STATES) / 2;
    d->words = calloc(count + 3 * (size_t)widest + 3, sizeof *d->words);
    if (!d->words)
        return NO_MEMORY;
    for (size_t i = 0; i < count; i++, data += 2)
        d->words[i] = (uint16_t)word_at(data);
    d->next = d->words;
    d->end = d->words + count;
    return CODED;
}

/* Decoder.take, without its check: the end is looked for after each step. */
static inline uint32_t taken(uint32_t state, const uint16_t **next, uint32_t start, uint32_t count)
{
    uint32_t left = count * (state >> 16) + (state & 0xFFFF) - start, more = left < LEAST_STATE;
    left = more ? left << 16 | **next : left;
    *next += more;
    return left;
}

static outcome reader_finish(const reader *d)
{
    for (int i = 0; i < STATES; i++)
        if (d->states[i] != LEAST_STATE)
            return ENDS_ELSEWHERE;
    return d->next == d->end ? CODED : ENDS_ELSEWHERE;
}

/* What a pixel is coded as: a class, and behind it `bits` further bits as they are: its low bits, or all 16 of a value
 * that escaped. */
typedef struct {
    uint16_t start, count_less_one, raw;
    uint8_t bits, lane;
} interval;

typedef struct {
    uint32_t states[STATES];
    uint16_t *words, *next; /* written from the end on */
} writer;

static inline void put(writer *e, const interval *i)
{
    uint32_t count = (uint32_t)i->count_less_one + 1, keep = 16u - i->bits, state = e->states[i->lane], more;
    uint64_t least = (uint64_t)1 << (keep + 16);
    e->next[-1] = (uint16_t)state;
    more = state >= least;
    e->next -= more;
    state = more ? state >> 16 : state;
    state = ((state >> keep) << 16) + (state & ((1u << keep) - 1)) + ((uint32_t)i->raw << keep);
    e->next[-1] = (uint16_t)state;
    more = state >= (uint64_t)count << 16;
    e->next -= more;
    state = more ? state >> 16 : state;
    e->states[i->lane] = ((state / count) << 16) + state % count + i->start;
}

static void store_word(uint8_t *to, uint32_t word)
{
    to[0] = (uint8_t)word;
    to[1] = (uint8_t)(word >> 8);
}

/* The bytes of all intervals of a tile, which were found in the order in which they will be decoded. */
static outcome encoded(const interval *intervals, size_t count, uint8_t **data, size_t *length)
{
    writer e = {{LEAST_STATE, LEAST_STATE, LEAST_STATE, LEAST_STATE}, NULL, NULL};
    uint8_t *to;
    size_t words;
    e.words = malloc((2 * count + 1) * sizeof *e.words);
    if (!e.words)
        return NO_MEMORY;
    e.next = e.words + 2 * count + 1;
    for (size_t i = count; i > 0; i--)
        put(&e, &intervals[i - 1]);
    words = (size_t)(e.words + 2 * count + 1 - e.next);
    *length = 4 * STATES + 2 * words;
    *data = to = malloc(*length);
    if (to) {
        for (int i = 0; i < STATES; i++, to += 4) {
            store_word(to, e.states[i]);
            store_word(to + 2, e.states[i] >> 16);
        }
        for (size_t i = 0; i < words; i++, to += 2)
            store_word(to, e.next[i]);
    }
    free(e.words);
    return *data ? CODED : NO_MEMORY;
}

#endif
