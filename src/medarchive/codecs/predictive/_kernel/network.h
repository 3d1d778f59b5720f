/* The network, see network.py: hidden layers in blocks of UNITS outputs by a few vectors of pixels, whose sums stay in
 * registers; the last layer with the weights of the moment. */
#ifndef MEDARCHIVE_NETWORK_H
#define MEDARCHIVE_NETWORK_H

#include "scratch.h"
#include "vectors.h"

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

static void find_activations(scratch *s, chunk *chunk, const model *model, int feature_pairs, int pixels)
{
    layer(chunk->seen[0], feature_pairs, model->first_weights, FEATURE_PAIRS, model->first_biases, model->first_padded,
          FIRST_SHIFT, s->first[0], pixels);
    layer(s->first[0], model->first_padded / 2, model->second_weights, model->first_padded / 2, model->second_biases,
          model->second_padded, SECOND_SHIFT, chunk->second[0], pixels);
}

static INLINE void last_rows(const int32_t *inputs, const int32_t (*weights)[4], int pairs, vec total[OUTPUTS])
{
    for (int i = 0; i < pairs; i++) {
        vec input = load(inputs + (ptrdiff_t)i * CHUNK);
        UNROLL for (int o = 0; o < OUTPUTS; o++)
            total[o] = dot(total[o], input, broadcast(weights[i][o]));
    }
}

/* See Adaptation.outputs; of a chunk whose first pixel is `at`. */
static void find_outputs(scratch *s, const chunk *chunk, const model *model, int feature_pairs, int at, int pixels)
{
    int hidden_pairs = model->second_padded / 2;
    for (int p = 0; p < pixels; p += LANES) {
        vec total[OUTPUTS];
        UNROLL for (int o = 0; o < OUTPUTS; o++)
            total[o] = broadcast((s->bias[o] >> (FINE - 8)) + (1 << (LAST_SHIFTS[o] - 1)));
        last_rows(chunk->second[0] + p, s->last, hidden_pairs, total);
        last_rows(chunk->seen[0] + p, s->last + hidden_pairs, feature_pairs, total);
        UNROLL for (int o = 0; o < OUTPUTS; o++)
            store(s->outputs[o] + at + p, shifted_right(total[o], LAST_SHIFTS[o]));
    }
}

#endif
