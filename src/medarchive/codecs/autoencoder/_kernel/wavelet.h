/* The transform of a plane of rows by columns, see wavelet.py. */
#ifndef MEDARCHIVE_WAVELET_H
#define MEDARCHIVE_WAVELET_H

#include <stddef.h>
#include <stdint.h>

/* To coefficients in the order of pyramid.py; the plane is used up. Returns 0 where there is no memory. */
int analyse(int64_t *plane, int rows, int columns, int64_t *flat);

/* And back. */
int synthesise(const int64_t *flat, int rows, int columns, int64_t *plane);

/* One level: the low band lies in the plane's upper left, its rows `stride` apart, as the level's will; details are those
 * of BANDS one behind the other; spare has room for a row. */
void join_level(int64_t *plane, ptrdiff_t stride, int rows, int columns, const int64_t *details, int64_t *spare);

#endif
