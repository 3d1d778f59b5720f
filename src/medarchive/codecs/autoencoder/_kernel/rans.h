/* rANS of yes and no, see rans.py. */
#ifndef MEDARCHIVE_RANS_H
#define MEDARCHIVE_RANS_H

#include <stdlib.h>

#include "kernel.h"

enum { LEAST_STATE = 1 << 16 };

typedef struct {
    uint32_t state;
    const uint8_t *next, *end;
    int early; /* whether it took more than there is */
} reader;

static inline uint32_t word_at(const uint8_t *data) { return (uint32_t)data[0] | (uint32_t)data[1] << 8; }

static outcome reader_begin(reader *d, const uint8_t *data, size_t length)
{
    if (length < 4 || length % 2)
        return NO_SUCH_LENGTH;
    d->state = word_at(data) | word_at(data + 2) << 16;
    d->next = data + 4;
    d->end = data + length;
    d->early = 0;
    return d->state < LEAST_STATE ? NO_SUCH_STATE : CODED;
}

static inline int take(reader *d, uint32_t chance)
{
    uint32_t slot = d->state & 0xFFFF, high = d->state >> 16;
    int yes = slot < chance;
    d->state = yes ? chance * high + slot : (LEAST_STATE - chance) * high + slot - chance;
    if (d->state < LEAST_STATE) {
        if (d->next == d->end) {
            d->early = 1;
            d->state |= LEAST_STATE;
        } else {
            d->state = d->state << 16 | word_at(d->next);
            d->next += 2;
        }
    }
    return yes;
}

static inline uint32_t take_number(reader *d, int bits)
{
    uint32_t found = 0;
    while (bits-- > 0)
        found = found << 1 | (uint32_t)take(d, HALF);
    return found;
}

static outcome reader_finish(const reader *d)
{
    return d->early ? ENDS_EARLY : d->next != d->end || d->state != LEAST_STATE ? ENDS_ELSEWHERE : CODED;
}

/* Decisions in order: the chance, and above it the answer. */
typedef struct {
    uint32_t *decisions;
    size_t count, room;
} writer;

/* Whether there is room for so many more. */
static inline int writer_room(writer *e, size_t more)
{
    if (e->room - e->count < more) {
        size_t room = 2 * e->room + more + 4096;
        uint32_t *grown = realloc(e->decisions, room * sizeof *grown);
        if (!grown)
            return 0;
        e->decisions = grown;
        e->room = room;
    }
    return 1;
}

static inline void put(writer *e, int yes, uint32_t chance) { e->decisions[e->count++] = chance | (uint32_t)yes << 16; }

static inline void put_number(writer *e, uint32_t value, int bits)
{
    while (bits-- > 0)
        put(e, value >> bits & 1, HALF);
}

static outcome written(const writer *e, uint8_t **data, size_t *length)
{
    uint32_t state = LEAST_STATE;
    uint8_t *words = malloc(2 * e->count + 4), *at = words + 2 * e->count + 4;
    if (!words)
        return NO_MEMORY;
    for (size_t i = e->count; i > 0; i--) {
        uint32_t chance = e->decisions[i - 1] & 0xFFFF, yes = e->decisions[i - 1] >> 16;
        uint32_t count = yes ? chance : LEAST_STATE - chance, start = yes ? 0 : chance;
        if (state >= (uint64_t)count << 16) {
            *--at = (uint8_t)(state >> 8);
            *--at = (uint8_t)state;
            state >>= 16;
        }
        state = ((state / count) << 16) + state % count + start;
    }
    for (int byte = 3; byte >= 0; byte--)
        *--at = (uint8_t)(state >> 8 * byte);
    *length = (size_t)(words + 2 * e->count + 4 - at);
    *data = malloc(*length);
    if (*data)
        for (size_t i = 0; i < *length; i++)
            (*data)[i] = at[i];
    free(words);
    return *data ? CODED : NO_MEMORY;
}

#endif
