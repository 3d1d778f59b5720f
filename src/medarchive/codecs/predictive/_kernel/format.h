/* The numbers of docs/format.md that the Python modules of this folder have too: change both, or the contract suite
 * fails. */
#ifndef MEDARCHIVE_FORMAT_H
#define MEDARCHIVE_FORMAT_H

#include <stdint.h>

#define COUNT_OF(list) ((int)(sizeof(list) / sizeof((list)[0])))

/* A neighbour (dx, dy) of pixel (x, y): (x + dx, y - dy). */
typedef struct {
    int8_t dx, dy;
} neighbour;

/* planes.py */
enum { SLOPE = 3, MARGIN = 24, EDGE = 4 };

/* linear.py */
static const neighbour AROUND[] = {
    {0, 1},  {-1, 1}, {1, 1},  {-2, 0}, {0, 2},  {-2, 1}, {2, 1}, {-1, 2}, {1, 2},  {-2, 2}, {2, 2}, {-3, 0}, {0, 3},
    {-3, 1}, {-1, 3}, {1, 3},  {-3, 2}, {3, 2},  {-2, 3}, {2, 3}, {-4, 0}, {0, 4},  {-4, 1}, {-1, 4}, {1, 4},
};
static const neighbour ACROSS[] = {
    {0, 0},  {-1, 0}, {1, 0},  {0, 1}, {0, -1}, {-1, 1}, {1, 1}, {-1, -1}, {1, -1},
    {-2, 0}, {2, 0},  {0, 2},  {0, -2},
};
enum {
    AROUND_COUNT = COUNT_OF(AROUND),
    ACROSS_COUNT = COUNT_OF(ACROSS),
    FURTHEST = 32767,
    MOST_LINEAR = 65535,
};

/* features.py */
static const neighbour VALUES[] = {
    {-1, 0}, {-2, 0}, {-3, 0}, {-2, 1}, {-1, 1}, {0, 1},  {1, 1}, {2, 1}, {-2, 2},
    {-1, 2}, {0, 2},  {1, 2},  {2, 2},  {3, 2},  {-1, 3}, {0, 3}, {1, 3},
};
static const neighbour ERRORS[] = {
    {-1, 0}, {-2, 0}, {-1, 1}, {0, 1}, {1, 1}, {2, 1}, {0, 2}, {-2, 1}, {1, 2}, {-1, 2},
};
static const neighbour WIDE[] = {
    {-1, 0}, {-2, 0}, {-3, 0}, {-2, 1}, {-1, 1}, {0, 1}, {1, 1}, {2, 1}, {-1, 2}, {0, 2}, {1, 2}, {2, 2}, {3, 2},
};
static const neighbour NEAREST[] = {{-1, 0}, {0, 1}, {-1, 1}, {1, 1}};
static const neighbour BEFORE[] = {
    {0, 0}, {-1, 0}, {1, 0}, {0, 1}, {0, -1}, {-1, 1}, {1, 1}, {-1, -1}, {1, -1},
};
static const neighbour BEFORE_ERRORS[] = {{0, 0}, {1, 0}, {0, -1}, {-1, 0}, {0, 1}};
enum {
    VALUES_COUNT = COUNT_OF(VALUES),
    ERRORS_COUNT = COUNT_OF(ERRORS),
    WIDE_COUNT = COUNT_OF(WIDE),
    NEAREST_COUNT = COUNT_OF(NEAREST),
    BEFORE_COUNT = COUNT_OF(BEFORE),
    BEFORE_ERRORS_COUNT = COUNT_OF(BEFORE_ERRORS),
    ALONE = VALUES_COUNT + ERRORS_COUNT + 15,
    COUNT = ALONE + BEFORE_COUNT + BEFORE_ERRORS_COUNT + 6,
    FEATURE_LIMIT = 96,
    SCALE_MOST = (1 << 18) - 1,
    SCALED_MOST = 131071,
};

/* network.py */
enum {
    WIDEST = 128,
    MOST_WEIGHT = 2047,
    MOST_BIAS = 1 << 26,
    MOST_ACTIVE = 4095,
    FIRST_SHIFT = 4,
    SECOND_SHIFT = 9,
};
static const int LAST_SHIFTS[] = {11, 14, 17};
enum { OUTPUTS = 3 };

/* distribution.py */
enum {
    PRECISION = 16,
    SPAN = 4096,
    CENTRE = SPAN / 2,
    SHAPES = 4,
    MOST_LOCATION = 4 * FEATURE_LIMIT,
    LEAST_SPREAD = -40,
    MOST_SPREAD = 31,
    REACH = 168,
};
/* round(32 * 384 / ((2 m + 9) * 2^(b / 8))) */
static const int32_t STEEP[4][8] = {
    {1365, 1252, 1148, 1053, 965, 885, 812, 744},
    {1117, 1024, 939, 861, 790, 724, 664, 609},
    {945, 867, 795, 729, 668, 613, 562, 515},
    {819, 751, 689, 632, 579, 531, 487, 447},
};

/* adaptation.py */
enum {
    FINE = 16,
    ONE = 256,
    MOST_FINE = MOST_WEIGHT << FINE,
    STEEPEST = 1024,
    ASIDE = 2,
    LEAST_RATE = 1,
    MOST_RATE = 30,
    LEARNING = 2, /* outputs whose weights move: location and spread */
};
/* round(64 log2(1 + (i + 0.5) / 64)) */
static const int32_t LOGARITHMS[64] = {
    1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 16, 18, 19, 20,
    21, 22, 23, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
    38, 39, 40, 41, 42, 43, 43, 44, 45, 46, 47, 48, 49, 50, 50, 51,
    52, 53, 54, 55, 55, 56, 57, 58, 58, 59, 60, 61, 61, 62, 63, 64,
};

/* flat.py */
static const neighbour SAME[] = {{-2, 0}, {-1, 1}, {0, 1}, {1, 1}, {2, 1}, {0, 2}};
enum { SAME_COUNT = COUNT_OF(SAME), FLAT_BLOCK = 16, FIRST_CHANCE = 2048, CHANCE_SHIFT = 5 };

/* rans.py */
enum { STATES = 4, LEAST_STATE = 1 << 16 };

#endif
