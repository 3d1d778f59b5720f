/* Planes, see planes.py: where the pixels of a step lie, and what lies around the tile. */
#ifndef MEDARCHIVE_PLANES_H
#define MEDARCHIVE_PLANES_H

#include "tile.h"

/* Loads run past the last pixel of a step, by less than a vector, and reach furthest 13 steps back, and 6 steps on
 * in the tile before: MARGIN steps of at least 2 EDGE + 1 places take them. */

typedef struct {
    int first, count; /* rows of its pixels */
    ptrdiff_t place;  /* of the first one in a plane */
} step_pixels;

static inline step_pixels pixels_of(const geometry *geometry, int step)
{
    step_pixels found;
    int late = step - geometry->columns + 1, last = step / SLOPE;
    found.first = late > 0 ? (late + SLOPE - 1) / SLOPE : 0;
    found.count = (last < geometry->rows ? last : geometry->rows - 1) - found.first + 1;
    found.place = (ptrdiff_t)(step + MARGIN) * geometry->stride + EDGE + found.first;
    return found;
}

static inline ptrdiff_t offset_of(const geometry *geometry, neighbour to)
{
    return (ptrdiff_t)(to.dx - SLOPE * to.dy) * geometry->stride - to.dy;
}

static inline void fill_column(const geometry *geometry, int32_t *plane, int from, int count, int column, int32_t value)
{
    int32_t *at = plane + (ptrdiff_t)from * geometry->stride + column;
    for (int i = 0; i < count; i++, at += geometry->stride)
        *at = value;
}

/* Geometry.fill */
static inline void fill(const geometry *geometry, int32_t *plane, int step)
{
    int32_t *row = plane + (ptrdiff_t)(step + MARGIN) * geometry->stride;
    int y = step / SLOPE, past = step - geometry->columns + 1;
    if (step % SLOPE == 0 && y < geometry->rows - 1)
        fill_column(geometry, plane, step + SLOPE, MARGIN, y + 1 + EDGE, row[y + EDGE]);
    if (past >= 0 && past % SLOPE == 0 && past / SLOPE < geometry->rows)
        fill_column(geometry, plane, step + MARGIN + 1, MARGIN, past / SLOPE + EDGE, row[past / SLOPE + EDGE]);
    if (step < geometry->columns)
        for (int i = 0; i < EDGE; i++)
            row[i] = row[EDGE];
    if (past == 0)
        for (int i = 0; i < EDGE; i++)
            fill_column(geometry, plane, step + MARGIN, MARGIN + 1, i, row[EDGE]);
}

/* Geometry.finish */
static inline void finish(const geometry *geometry, int32_t *plane)
{
    for (int step = 0; step < geometry->steps + 2 * MARGIN; step++) {
        int32_t *below = plane + (ptrdiff_t)(step + 1) * geometry->stride - EDGE;
        for (int i = 0; i < EDGE; i++)
            below[i] = below[-1];
    }
}

/* Geometry.plane_of, into a plane of zeros */
static inline void plane_of(const geometry *geometry, const int32_t *tile, int32_t *plane)
{
    for (int t = 0; t < geometry->steps; t++) {
        step_pixels step = pixels_of(geometry, t);
        const int32_t *from = tile + (ptrdiff_t)step.first * (geometry->columns - SLOPE) + t;
        for (int p = 0; p < step.count; p++)
            plane[step.place + p] = from[(ptrdiff_t)p * (geometry->columns - SLOPE)];
        fill(geometry, plane, t);
    }
    finish(geometry, plane);
}

#endif
