/* The encoder's least squares, see solver.py. In floating point: the weights that it finds are sent, so none of it decides
 * a pixel. A table has a row for each sample, `stride` long: first what is wanted, then the terms. */
#ifndef MEDARCHIVE_SQUARES_H
#define MEDARCHIVE_SQUARES_H

#include <string.h>

#include "tile.h"

/* Makes a table: of each place what lies there and at offsets from it in one plane and another, less what lies left. */
static void gather(const int32_t *plane, const int32_t *before, const int32_t *places, int64_t samples,
                   const int32_t *offsets, int around, int across, float *table)
{
    for (int64_t s = 0; s < samples; s++, table += 1 + around + across) {
        const int32_t *here = plane + places[s], *there = before + places[s];
        int32_t left = here[offsets[0]];
        table[0] = (float)(here[0] - left);
        for (int i = 1; i <= around; i++) {
            int32_t term = here[offsets[i]] - left;
            table[i] = (float)(term < -FURTHEST ? -FURTHEST : term > FURTHEST ? FURTHEST : term);
        }
        for (int i = around + 1; i <= around + across; i++) {
            int32_t term = there[offsets[i]] - left;
            table[i] = (float)(term < -FURTHEST ? -FURTHEST : term > FURTHEST ? FURTHEST : term);
        }
    }
}

enum { SAMPLES_TOGETHER = 256, COLUMNS_ROUND = 16, COLUMNS_PADDED = (MOST_COLUMNS + 15) / 16 * 16 };

/* Normal equations of the first columns: sums over samples of weight x[i] x[j], found for j >= i and mirrored. */
static void normal(const float *table, const float *weights, int64_t samples, int stride, int columns, double *to)
{
    int padded = (columns + COLUMNS_ROUND - 1) / COLUMNS_ROUND * COLUMNS_ROUND;
    float sums[MOST_COLUMNS][COLUMNS_PADDED], row[COLUMNS_PADDED] = {0};
    memset(to, 0, sizeof *to * columns * columns);
    for (int64_t first = 0; first < samples; first += SAMPLES_TOGETHER) {
        int64_t end = first + SAMPLES_TOGETHER < samples ? first + SAMPLES_TOGETHER : samples;
        memset(sums, 0, sizeof sums);
        for (int64_t s = first; s < end; s++) {
            memcpy(row, table + s * stride, sizeof *row * columns);
            for (int i = 0; i < columns; i++) {
                float scaled = weights[s] * row[i];
                float *sum = sums[i];
                for (int j = i / COLUMNS_ROUND * COLUMNS_ROUND; j < padded; j++)
                    sum[j] += scaled * row[j];
            }
        }
        for (int i = 0; i < columns; i++)
            for (int j = i; j < columns; j++)
                to[i * columns + j] += sums[i][j];
    }
    for (int i = 0; i < columns; i++)
        for (int j = 0; j < i; j++)
            to[i * columns + j] = to[j * columns + i];
}

/* What is wanted less what the weights make of the first terms. */
static void missed(const float *table, const float *weights, int64_t samples, int stride, int terms, float *to)
{
    for (int64_t s = 0; s < samples; s++) {
        const float *row = table + s * stride;
        float sums[COLUMNS_ROUND] = {0}, sum = 0;
        int i = 0;
        for (; i + COLUMNS_ROUND <= terms; i += COLUMNS_ROUND)
            for (int j = 0; j < COLUMNS_ROUND; j++)
                sums[j] += weights[i + j] * row[1 + i + j];
        for (; i < terms; i++)
            sum += weights[i] * row[1 + i];
        for (int j = 0; j < COLUMNS_ROUND; j++)
            sum += sums[j];
        to[s] = row[0] - sum;
    }
}

#endif
