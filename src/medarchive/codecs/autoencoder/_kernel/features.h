/* Features of the sites of a pass, see context.py. */
#ifndef MEDARCHIVE_FEATURES_H
#define MEDARCHIVE_FEATURES_H

#include "levels.h"
#include "layers.h"

enum { REACH_WIDEST = 2 * OWN_RADIUS, BOX_ROOM = 2 * CHUNK + REACH_WIDEST + SPARE };

/* Where a pass finds what it sees; all for the first site of its row 0. */
typedef struct {
    const int16_t *near[OWN_MOST + 2 * COUNT_OF(BESIDE)]; /* in parts: rows part_stride apart */
    const int16_t *above[ABOVE_COUNT];                    /* in the parent's raster */
    int near_count, own_count;
    ptrdiff_t part_stride, stride, above_stride;
    const int16_t *own_box, *beside_box[2], *above_box[BANDS]; /* at the middles of their squares, in rasters */
    int own_share, band, pass;
} view;

static const int16_t *part_at(const band *band, ptrdiff_t part_stride, int pass, neighbour to)
{
    int row = PASS[pass].down + to.down, column = PASS[pass].right + to.right;
    ptrdiff_t down = (row - (row & 1)) / 2, right = (column - (column & 1)) / 2;
    return band->parts[row & 1][column & 1] + down * part_stride + right;
}

static view view_of(const levels *all, int which, int b, int pass)
{
    const level *l = &all->levels[which], *parent = which + 1 < all->count ? l + 1 : NULL;
    neighbour own[OWN_MOST];
    view v;
    int found = 0;
    memset(&v, 0, sizeof v);
    v.band = b;
    v.pass = pass;
    v.stride = l->stride;
    v.part_stride = l->part_stride;
    v.own_count = own_neighbours(pass, own);
    for (int i = 0; i < v.own_count; i++)
        v.near[v.near_count++] = part_at(&l->bands[b], l->part_stride, pass, own[i]);
    for (int other = 0; other < b; other++)
        for (int i = 0; i < COUNT_OF(BESIDE); i++)
            v.near[v.near_count++] = part_at(&l->bands[other], l->part_stride, pass, BESIDE[i]);
    if (pass) {
        v.own_box = l->bands[b].raster + PASS[pass].down * l->stride + PASS[pass].right;
        v.own_share = OWN_SHARES[pass];
    }
    for (int other = 0; other < b; other++)
        v.beside_box[other] = l->bands[other].raster + PASS[pass].down * l->stride + PASS[pass].right;
    if (!parent)
        return v;
    v.above_stride = parent->stride;
    for (int k = 0; k < BANDS; k++) {
        int other = k == 0 ? b : k - 1 < b ? k - 1 : k;
        const neighbour *at = k ? CROSS : SQUARE;
        for (int i = 0; i < (k ? COUNT_OF(CROSS) : COUNT_OF(SQUARE)); i++)
            v.above[found++] = parent->bands[other].raster + at[i].down * parent->stride + at[i].right;
        v.above_box[k] = parent->bands[other].raster;
    }
    return v;
}

static inline int16_t size_of(int16_t x) { return x < 0 ? (int16_t)-x : x; }

/* Sums of sizes over squares around places `apart` from each other in a row, times a share of 1/256. */
static INLINE void boxes(const int16_t *middle, ptrdiff_t stride, const int radius, const int apart, int share,
                         int16_t *restrict to, int sites)
{
    int16_t columns[BOX_ROOM], sums[BOX_ROOM];
    int width = apart * sites + 2 * radius;
    const int16_t *from = middle - radius * stride - radius;
    for (int x = 0; x < width; x++)
        columns[x] = size_of(from[x]);
    for (int row = 1; row <= 2 * radius; row++) {
        from += stride;
        for (int x = 0; x < width; x++)
            columns[x] = (int16_t)(columns[x] + size_of(from[x]));
    }
    for (int x = 0; x < apart * sites; x++) {
        int sum = 0;
        UNROLL for (int i = 0; i <= 2 * radius; i++)
            sum += columns[x + i];
        sums[x] = (int16_t)(sum * share >> 8);
    }
    for (int s = 0; s < sites; s++)
        to[s] = sums[apart * s];
}

/* The features of `sites` sites from (row, column) of a pass on, a multiple of LANES of them, in pairs; whether any of
 * them is not 0. */
static int find_features(const view *v, int row, int column, int sites, int32_t (*restrict pairs)[CHUNK])
{
    int16_t found[MOST_SEEN + 1][CHUNK];
    int neighbours = v->near_count + ABOVE_COUNT, count = 0, some = 0;
    for (int i = 0; i < v->near_count; i++)
        memcpy(found[count++], v->near[i] + row * v->part_stride + column, (size_t)sites * sizeof(int16_t));
    for (int i = 0; i < ABOVE_COUNT; i++, count++)
        if (v->above_stride)
            memcpy(found[count], v->above[i] + row * v->above_stride + column, (size_t)sites * sizeof(int16_t));
        else
            memset(found[count], 0, (size_t)sites * sizeof(int16_t));
    for (int i = 0; i < neighbours; i++, count++)
        for (int s = 0; s < sites; s++)
            found[count][s] = size_of(found[i][s]);
    if (v->own_box)
        boxes(v->own_box + 2 * row * v->stride + 2 * column, v->stride, OWN_RADIUS, 2, v->own_share, found[count++],
              sites);
    for (int other = 0; other < v->band; other++)
        boxes(v->beside_box[other] + 2 * row * v->stride + 2 * column, v->stride, BESIDE_RADIUS, 2, BESIDE_SHARE,
              found[count++], sites);
    for (int k = 0; k < BANDS; k++, count++)
        if (v->above_stride)
            boxes(v->above_box[k] + row * v->above_stride + column, v->above_stride, ABOVE_RADIUS, 1, ABOVE_SHARE,
                  found[count], sites);
        else
            memset(found[count], 0, (size_t)sites * sizeof(int16_t));
    memset(found[count], 0, sizeof found[count]);
    for (int i = neighbours; i < count; i++)
        for (int s = 0; s < sites; s++)
            some |= found[i][s];
    if (!some)
        return 0;
    for (int i = 0; i < count; i += 2)
        for (int s = 0; s < sites; s++)
            pairs[i / 2][s] = (int32_t)((uint32_t)(uint16_t)found[i][s] | (uint32_t)(uint16_t)found[i + 1][s] << 16);
    return 1;
}

#endif
