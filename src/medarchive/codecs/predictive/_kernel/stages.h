/* How long each stage takes, where somebody asks. */
#ifndef MEDARCHIVE_STAGES_H
#define MEDARCHIVE_STAGES_H

#include <time.h>

#include "tile.h"

static inline uint64_t clock_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t begin_stage(const tile *tile) { return tile->times ? clock_now() : 0; }

/* Adds what has passed since `then`, and says what time it is. */
static inline uint64_t end_stage(const tile *tile, int stage, uint64_t then)
{
    uint64_t now = begin_stage(tile);
    if (tile->times)
        tile->times[stage] += now - then;
    return now;
}

#endif
