/* The transform, see wavelet.py; the same integers, in 64 bits. */
#include "wavelet.h"

#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "format.h"

static const int64_t STEPS[] = {-103949, -3472, 57862, 29066};

/* Half a unit; taken back, it is what is rounded up that was rounded down. */
enum { FORTH = 1 << 15, BACK = FORTH - 1 };

static void add_sides(int64_t *restrict to, const int64_t *restrict one, const int64_t *restrict other, int count, int64_t step,
                      int64_t half)
{
    INDEPENDENT for (int i = 0; i < count; i++)
        to[i] += (step * (one[i] + other[i]) + half) >> 16;
}

/* Lift a line of halves: odd values by even ones, or the other way round. */
static void lift_odd(int64_t *odd, const int64_t *even, int odds, int evens, int64_t step, int64_t half)
{
    int inside = odds < evens ? odds : odds - 1;
    add_sides(odd, even, even + 1, inside, step, half);
    if (inside < odds)
        odd[inside] += (step * 2 * even[inside] + half) >> 16;
}

static void lift_even(int64_t *even, const int64_t *odd, int odds, int evens, int64_t step, int64_t half)
{
    even[0] += (step * 2 * odd[0] + half) >> 16;
    add_sides(even + 1, odd, odd + 1, odds - 1, step, half);
    if (evens > odds)
        even[odds] += (step * 2 * odd[odds - 1] + half) >> 16;
}

static void split_line(int64_t *line, int length, int64_t *spare)
{
    int evens = (length + 1) / 2, odds = length / 2;
    int64_t *even = spare, *odd = spare + evens;
    if (!odds)
        return;
    for (int i = 0; i < odds; i++) {
        even[i] = line[2 * i];
        odd[i] = line[2 * i + 1];
    }
    if (evens > odds)
        even[odds] = line[2 * odds];
    lift_odd(odd, even, odds, evens, STEPS[0], FORTH);
    lift_even(even, odd, odds, evens, STEPS[1], FORTH);
    lift_odd(odd, even, odds, evens, STEPS[2], FORTH);
    lift_even(even, odd, odds, evens, STEPS[3], FORTH);
    memcpy(line, spare, (size_t)length * sizeof *line);
}

static void join_line(int64_t *line, int length, int64_t *spare)
{
    int evens = (length + 1) / 2, odds = length / 2;
    int64_t *even = spare, *odd = spare + evens;
    if (!odds)
        return;
    memcpy(spare, line, (size_t)length * sizeof *line);
    lift_even(even, odd, odds, evens, -STEPS[3], BACK);
    lift_odd(odd, even, odds, evens, -STEPS[2], BACK);
    lift_even(even, odd, odds, evens, -STEPS[1], BACK);
    lift_odd(odd, even, odds, evens, -STEPS[0], BACK);
    for (int i = 0; i < odds; i++) {
        line[2 * i] = even[i];
        line[2 * i + 1] = odd[i];
    }
    if (evens > odds)
        line[2 * odds] = even[odds];
}

/* One step of a column of rows, which lie interleaved: `first` 1 lifts the odd rows, 0 the even ones. */
static void lift_rows(int64_t *plane, int rows, int columns, ptrdiff_t stride, int first, int64_t step,
                      int64_t half)
{
    for (int row = first; row < rows; row += 2) {
        int above = row ? row - 1 : row + 1, below = row + 1 < rows ? row + 1 : row - 1;
        add_sides(plane + row * stride, plane + above * stride, plane + below * stride, columns, step, half);
    }
}

int analyse(int64_t *plane, int rows, int columns, int64_t *flat)
{
    ptrdiff_t stride = columns;
    int64_t *spare = malloc((size_t)columns * sizeof *spare), *end = flat + (ptrdiff_t)rows * columns;
    if (!spare)
        return 0;
    while (rows > COARSEST || columns > COARSEST) {
        int high = rows / 2, wide = columns / 2, low_rows = rows - high, low_columns = columns - wide;
        int64_t *corner = end - (ptrdiff_t)high * wide, *below = corner - (ptrdiff_t)high * low_columns;
        int64_t *beside = below - (ptrdiff_t)low_rows * wide;
        for (int row = 0; row < rows; row++)
            split_line(plane + row * stride, columns, spare);
        if (high)
            for (int k = 0; k < 4; k++)
                lift_rows(plane, rows, columns, stride, k % 2 == 0, STEPS[k], FORTH);
        for (int row = 0; row < rows; row++) {
            const int64_t *from = plane + row * stride;
            int half = row / 2;
            if (row % 2 == 0) {
                memcpy(beside + (ptrdiff_t)half * wide, from + low_columns, (size_t)wide * sizeof *from);
                memmove(plane + half * stride, from, (size_t)low_columns * sizeof *from);
            } else {
                memcpy(below + (ptrdiff_t)half * low_columns, from, (size_t)low_columns * sizeof *from);
                memcpy(corner + (ptrdiff_t)half * wide, from + low_columns, (size_t)wide * sizeof *from);
            }
        }
        end = beside;
        rows = low_rows;
        columns = low_columns;
    }
    for (int row = 0; row < rows; row++)
        memcpy(flat + (ptrdiff_t)row * columns, plane + row * stride, (size_t)columns * sizeof *flat);
    free(spare);
    return 1;
}

void join_level(int64_t *plane, ptrdiff_t stride, int rows, int columns, const int64_t *details, int64_t *spare)
{
    int high = rows / 2, wide = columns / 2, low_columns = columns - wide;
    const int64_t *beside = details, *below = beside + (ptrdiff_t)(rows - high) * wide;
    const int64_t *corner = below + (ptrdiff_t)high * low_columns;
    for (int row = rows - 1; row >= 0; row--) {
        int64_t *to = plane + row * stride;
        int half = row / 2;
        if (row % 2 == 0) {
            memmove(to, plane + half * stride, (size_t)low_columns * sizeof *to);
            memcpy(to + low_columns, beside + (ptrdiff_t)half * wide, (size_t)wide * sizeof *to);
        } else {
            memcpy(to, below + (ptrdiff_t)half * low_columns, (size_t)low_columns * sizeof *to);
            memcpy(to + low_columns, corner + (ptrdiff_t)half * wide, (size_t)wide * sizeof *to);
        }
    }
    if (high)
        for (int k = 3; k >= 0; k--)
            lift_rows(plane, rows, columns, stride, k % 2 == 0, -STEPS[k], BACK);
    for (int row = 0; row < rows; row++)
        join_line(plane + row * stride, columns, spare);
}

int synthesise(const int64_t *flat, int rows, int columns, int64_t *plane)
{
    int sides[MOST_LEVELS + 1][2], count = 0;
    ptrdiff_t stride = columns;
    int64_t *spare = malloc((size_t)columns * sizeof *spare);
    if (!spare)
        return 0;
    for (; rows > COARSEST || columns > COARSEST; count++) {
        sides[count][0] = rows, sides[count][1] = columns;
        rows = (rows + 1) / 2;
        columns = (columns + 1) / 2;
    }
    for (int row = 0; row < rows; row++, flat += columns)
        memcpy(plane + row * stride, flat, (size_t)columns * sizeof *flat);
    while (count-- > 0) {
        int low_rows = rows, low_columns = columns;
        rows = sides[count][0], columns = sides[count][1];
        join_level(plane, stride, rows, columns, flat, spare);
        flat += (ptrdiff_t)rows * columns - (ptrdiff_t)low_rows * low_columns;
    }
    free(spare);
    return 1;
}
