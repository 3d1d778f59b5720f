/* A model in the form that the kernels read: weights in pairs, widths padded with zeros, tables turned round. */
#include <string.h>

#include "tile.h"

static int32_t pair(int32_t low, int32_t high) { return (int32_t)(((uint32_t)low & 0xFFFF) | (uint32_t)high << 16); }

static int padded(int width) { return (width + BLOCK - 1) / BLOCK * BLOCK; }

/* Weights (outputs, inputs) to [block][pair][BLOCK]. Returns whether they keep their limits. */
static int pack_layer(int32_t *packed, int32_t *packed_biases, const int16_t *weights, const int32_t *biases,
                      int outputs, int inputs, int pairs, int shift)
{
    for (int output = 0; output < outputs; output++) {
        const int16_t *row = weights + (ptrdiff_t)output * inputs;
        if (biases[output] > MOST_BIAS || biases[output] < -MOST_BIAS)
            return 0;
        for (int input = 0; input < inputs; input++)
            if (row[input] > MOST_WEIGHT || row[input] < -MOST_WEIGHT)
                return 0;
        for (int i = 0; i < pairs; i++) {
            int32_t low = 2 * i < inputs ? row[2 * i] : 0;
            int32_t high = 2 * i + 1 < inputs ? row[2 * i + 1] : 0;
            packed[(output / BLOCK * pairs + i) * BLOCK + output % BLOCK] = pair(low, high);
        }
        packed_biases[output] = biases[output] + (1 << (shift - 1));
    }
    return 1;
}

static int pack_rates(model *packed, const int32_t *rates)
{
    int inputs = packed->second + COUNT;
    for (int row = 0; row < LEARNING; row++) {
        const int32_t *from = rates + (ptrdiff_t)row * (inputs + 1);
        for (int i = 0; i <= inputs; i++)
            if (from[i] < LEAST_RATE || from[i] > MOST_RATE)
                return 0;
        for (int i = 0; i < MOST_INPUTS; i++)
            packed->rates[row][i] = LEAST_RATE;
        memcpy(packed->rates[row], from, sizeof(int32_t) * packed->second);
        memcpy(packed->rates[row] + packed->second_padded, from + packed->second, sizeof(int32_t) * COUNT);
        packed->bias_rates[row] = from[inputs];
    }
    return 1;
}

static int pack_table(uint16_t *packed, uint16_t *inverse, const uint16_t *table)
{
    int at = 0;
    for (int i = 1; i < SPAN; i++)
        if (table[i] < table[i - 1])
            return 0;
    memcpy(packed, table, sizeof(uint16_t) * SPAN);
    for (int i = 0; i < 1 << INVERSE_BITS; i++) {
        int32_t middle = ((2 * i + 1) << (PRECISION - INVERSE_BITS)) >> 1;
        while (at < SPAN - 1 && table[at + 1] <= middle)
            at++;
        inverse[i] = (uint16_t)at;
    }
    return 1;
}

const char *model_pack(model *packed, int first, int second, const int16_t *const weights[2],
                       const int32_t *const biases[2], const int32_t *rates, const uint16_t *tables)
{
    memset(packed, 0, sizeof *packed);
    packed->first = first;
    packed->second = second;
    packed->first_padded = padded(first);
    packed->second_padded = padded(second);
    if (!pack_layer(packed->first_weights, packed->first_biases, weights[0], biases[0], first, COUNT, FEATURE_PAIRS,
                    FIRST_SHIFT)
        || !pack_layer(packed->second_weights, packed->second_biases, weights[1], biases[1], second, first,
                       packed->first_padded / 2, SECOND_SHIFT))
        return "a model with weights beyond their limits";
    if (!pack_rates(packed, rates))
        return "a model with rates beyond their limits";
    for (int shape = 0; shape < SHAPES; shape++)
        if (!pack_table(packed->tables[shape], packed->inverse[shape], tables + (ptrdiff_t)shape * SPAN))
            return "a model with a table that falls";
    return NULL;
}

geometry geometry_of(int rows, int columns)
{
    geometry found;
    int down = rows, right = (columns + SLOPE - 1) / SLOPE;
    found.rows = rows;
    found.columns = columns;
    found.steps = columns + SLOPE * (rows - 1);
    found.stride = rows + 2 * EDGE;
    found.widest = down < right ? down : right;
    return found;
}
