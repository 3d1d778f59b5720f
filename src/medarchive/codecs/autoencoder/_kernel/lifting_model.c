/* Packing the learned transform's networks. */
#include "lifting_model.h"

#include <stdlib.h>
#include <string.h>

static int padded(int width) { return (width + BLOCK - 1) / BLOCK * BLOCK; }

/* Inputs of a layer for each place that it sees, and the places. */
static int inputs_of(const stack *s, int layer, int width) { return layer ? width : s->seen; }

static int places_of(const stack *s, int layer) { return layer && layer < s->layers - 1 ? 9 : 1; }

static int outputs_of(const stack *s, int layer, int width) { return layer < s->layers - 1 ? width : s->outputs; }

static int pairs_of(const stack *s, int layer)
{
    return places_of(s, layer) * ((inputs_of(s, layer, s->width) + 1) / 2);
}

static const stack PREDICT = {.seen = AROUND, .outputs = PREDICTED, .layers = 3};
static const stack REFINE = {.seen = NET_SEEN, .outputs = REFINED, .layers = 4};

static void counts(const stack *s, int width, int64_t *weights, int64_t *biases)
{
    for (int layer = 0; layer < s->layers; layer++) {
        int outputs = outputs_of(s, layer, width);
        *weights += (int64_t)outputs * places_of(s, layer) * inputs_of(s, layer, width);
        *biases += outputs;
    }
}

void lifting_counts(int width, int kinds, int64_t *weights, int64_t *biases)
{
    *weights = *biases = 0;
    for (int level = 0; level < LEARNED; level++) {
        if (kinds & 1)
            counts(&PREDICT, width, weights, biases);
        if (kinds & 2)
            counts(&REFINE, width, weights, biases);
    }
}

static size_t room(const stack *s)
{
    size_t found = 0;
    for (int layer = 0; layer < s->layers; layer++)
        found += (size_t)padded(outputs_of(s, layer, s->width)) * (size_t)(pairs_of(s, layer) + 1);
    return found;
}

static void pack_stack(stack *s, int width, const int16_t **weights, const int32_t **biases, int32_t **free_numbers)
{
    for (int layer = 0; layer < s->layers; layer++) {
        int outputs = outputs_of(s, layer, width), inputs = inputs_of(s, layer, width), places = places_of(s, layer);
        int pairs = pairs_of(s, layer), half = pairs / places, shift = layer ? NET_SHIFT : NET_FIRST_SHIFT;
        s->weights[layer] = *free_numbers;
        s->biases[layer] = *free_numbers + (ptrdiff_t)padded(outputs) * pairs;
        *free_numbers = s->biases[layer] + padded(outputs);
        for (int o = 0; o < outputs; o++) {
            s->biases[layer][o] = (*biases)[o] + (1 << (shift - 1));
            for (int i = 0; i < inputs; i++)
                for (int place = 0; place < places; place++) {
                    uint32_t weight = (uint16_t)(*weights)[((ptrdiff_t)o * inputs + i) * places + place];
                    ptrdiff_t at = ((ptrdiff_t)(o / BLOCK) * pairs + place * half + i / 2) * BLOCK + o % BLOCK;
                    uint32_t both = (uint32_t)s->weights[layer][at] | (i % 2 ? weight << 16 : weight);
                    s->weights[layer][at] = (int32_t)both;
                }
        }
        *weights += (ptrdiff_t)outputs * inputs * places;
        *biases += outputs;
    }
}

lifting_model *lifting_pack(int width, int kinds, const int16_t *weights, const int32_t *biases, const char **fault)
{
    int64_t weight_count, bias_count;
    stack predict = PREDICT, refine = REFINE;
    lifting_model *model;
    int32_t *numbers;
    *fault = NULL;
    lifting_counts(width, kinds, &weight_count, &bias_count);
    for (int64_t i = 0; i < weight_count; i++)
        if (weights[i] > MOST_WEIGHT || weights[i] < -MOST_WEIGHT)
            *fault = "a weight beyond its limit";
    for (int64_t i = 0; i < bias_count; i++)
        if (biases[i] > MOST_BIAS || biases[i] < -MOST_BIAS)
            *fault = "a bias beyond its limit";
    if (*fault)
        return NULL;
    predict.width = refine.width = padded(width);
    model = calloc(1, sizeof *model + LEARNED * (room(&predict) + room(&refine)) * sizeof *numbers);
    if (!model)
        return NULL;
    numbers = model->numbers;
    for (int level = 0; level < LEARNED; level++) {
        if (kinds & 1) {
            model->predict[level] = predict;
            pack_stack(&model->predict[level], width, &weights, &biases, &numbers);
        }
        if (kinds & 2) {
            model->refine[level] = refine;
            pack_stack(&model->refine[level], width, &weights, &biases, &numbers);
        }
    }
    return model;
}
