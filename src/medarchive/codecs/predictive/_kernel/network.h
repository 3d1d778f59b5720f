/* The network, see network.py: hidden layers, and the last layer with the weights of the moment. */
#ifndef MEDARCHIVE_NETWORK_H
#define MEDARCHIVE_NETWORK_H

#include "scratch.h"
#include "layers.h"

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
