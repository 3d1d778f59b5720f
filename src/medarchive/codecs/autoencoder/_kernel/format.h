/* The numbers of docs/format.md that the Python modules of this folder have too: change both, or the contract suite
 * fails. */
#ifndef MEDARCHIVE_FORMAT_H
#define MEDARCHIVE_FORMAT_H

#include <stdint.h>

#define COUNT_OF(list) ((int)(sizeof(list) / sizeof((list)[0])))

/* A neighbour (down, right) of a site. */
typedef struct {
    int8_t down, right;
} neighbour;

/* wavelet.py, context.py */
enum { BANDS = 3, PASSES = 4, NETWORKS = BANDS * PASSES, MARGIN = 4, COARSEST = 4, MOST_LEVELS = 16 };
static const neighbour PASS[PASSES] = {{0, 0}, {1, 1}, {0, 1}, {1, 0}};
static const neighbour CROSS[] = {{0, 0}, {0, -1}, {0, 1}, {-1, 0}, {1, 0}};
static const neighbour SQUARE[] = {{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 0}, {0, 1}, {1, -1}, {1, 0}, {1, 1}};
static const neighbour BESIDE[] = {{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 0}, {0, 1}, {1, -1},
                                   {1, 0},   {1, 1},  {0, -2}, {0, 2},  {-2, 0}, {2, 0}};
enum {
    OWN_REACH = 3,
    OWN_FURTHEST = 4,
    OWN_MOST = 28,
    OWN_RADIUS = 4,
    BESIDE_RADIUS = 3,
    ABOVE_RADIUS = 2,
    BESIDE_SHARE = 5,
    ABOVE_SHARE = 10,
    ABOVE_COUNT = COUNT_OF(SQUARE) + 2 * COUNT_OF(CROSS),
    MOST_NEIGHBOURS = OWN_MOST + 2 * COUNT_OF(BESIDE) + ABOVE_COUNT,
    MOST_BOXES = 1 + 2 + BANDS,
    MOST_SEEN = 2 * MOST_NEIGHBOURS + MOST_BOXES,
    COARSE_LEVELS = 7, /* levels from the last one on are alike */
    CONSTANTS = 5 + COARSE_LEVELS,
    MOST_FEATURES = MOST_SEEN + CONSTANTS,
    UNIT = 16,
};
static const int OWN_SHARES[PASSES] = {0, 12, 6, 4};

/* network.py */
enum {
    WIDEST = 128,
    MOST_WEIGHT = 2047,
    MOST_BIAS = 1 << 26,
    MOST_ACTIVE = 2047,
    FIRST_SHIFT = 4,
    SECOND_SHIFT = 8,
    LAST_SHIFT = 10,
    MOST_LOGIT = 767,
    LOGITS = 2 * MOST_LOGIT + 1,
    OUTPUTS = 16,
};

/* decisions.py */
enum { ANY, NEGATIVE, BEYOND, UPPER = 14, CLASSES = 12, LAST_CLASS = 30, HALF = 1 << 15, MOST_SIZE = 1 << LAST_CLASS };

/* head.py */
enum { MOST_ACTIVITY = 63, WIDTH_BITS = 5, MOST_LOW = (1 << 30) - 1, RICE = 1 };

#endif
