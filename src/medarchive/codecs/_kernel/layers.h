/* Layers of 12-bit integers, in blocks of UNITS outputs by a few vectors of sites, whose sums stay in registers.
 *
 * Whoever includes this has said what CHUNK, BLOCK and MOST_ACTIVE are: how many sites an array is wide, how many outputs
 * lie together in the packed weights, and the largest activation.
 */
#ifndef MEDARCHIVE_LAYERS_H
#define MEDARCHIVE_LAYERS_H

#include <stddef.h>

#include "vectors.h"

/* An activation. */
static inline vec active(vec x) { return within(x, broadcast(0), broadcast(MOST_ACTIVE)); }

/* `vectors` is a constant wherever this is called. */
static INLINE void layer_block(const int32_t *inputs, int pairs, const int32_t *weights, const int32_t *biases,
                               int shift, int32_t *to, const int vectors)
{
    vec total[UNITS][TOGETHER];
    UNROLL for (int o = 0; o < UNITS; o++)
        UNROLL for (int v = 0; v < vectors; v++)
            total[o][v] = broadcast(biases[o]);
    for (int i = 0; i < pairs; i++, inputs += CHUNK, weights += BLOCK) {
        vec input[TOGETHER];
        UNROLL for (int v = 0; v < vectors; v++)
            input[v] = load(inputs + v * LANES);
        UNROLL for (int o = 0; o < UNITS; o++) {
            vec weight = broadcast(weights[o]);
            UNROLL for (int v = 0; v < vectors; v++)
                total[o][v] = dot(total[o][v], input[v], weight);
        }
    }
    UNROLL for (int o = 0; o < UNITS; o += 2)
        UNROLL for (int v = 0; v < vectors; v++) {
            vec low = active(shifted_right(total[o][v], shift));
            vec high = active(shifted_right(total[o + 1][v], shift));
            store(to + o / 2 * CHUNK + v * LANES, paired(low, high));
        }
}

/* Pairs of inputs to pairs of activations, of a chunk. Weights lie `stride` pairs apart from block to block. */
static void layer(const int32_t *inputs, int pairs, const int32_t *weights, int stride, const int32_t *biases,
                  int outputs, int shift, int32_t *to, int pixels)
{
    int count = pixels / LANES;
    for (int v = 0; v < count; v += TOGETHER) {
        const int32_t *from = inputs + v * LANES;
        for (int o = 0; o < outputs; o += UNITS) {
            const int32_t *weight = weights + (o / BLOCK * stride) * BLOCK + o % BLOCK;
            int32_t *at = to + o / 2 * CHUNK + v * LANES;
            if (TOGETHER == 1 || count - v == 1)
                layer_block(from, pairs, weight, biases + o, shift, at, 1);
            else if (count - v == 2)
                layer_block(from, pairs, weight, biases + o, shift, at, TOGETHER < 2 ? TOGETHER : 2);
            else
                layer_block(from, pairs, weight, biases + o, shift, at, TOGETHER);
        }
    }
}

#endif
