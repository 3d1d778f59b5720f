/* A model, as the kernel keeps it. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int own_neighbours(int pass, neighbour found[])
{
    int count = 0;
    for (int down = -OWN_REACH; down <= OWN_REACH; down++)
        for (int right = -OWN_REACH; right <= OWN_REACH; right++) {
            int row = (PASS[pass].down + down) & 1, column = (PASS[pass].right + right) & 1;
            if (abs(down) + abs(right) > OWN_FURTHEST)
                continue;
            for (int earlier = 0; earlier < pass; earlier++)
                if (PASS[earlier].down == row && PASS[earlier].right == column)
                    found[count++] = (neighbour){(int8_t)down, (int8_t)right};
        }
    return count;
}

int seen_of(int band, int pass)
{
    neighbour own[OWN_MOST];
    int neighbours = own_neighbours(pass, own) + band * COUNT_OF(BESIDE) + ABOVE_COUNT;
    return 2 * neighbours + (pass > 0) + band + BANDS;
}

static int padded(int width) { return (width + BLOCK - 1) / BLOCK * BLOCK; }

int64_t weight_count(int first, int second)
{
    int64_t count = 0;
    for (int i = 0; i < NETWORKS; i++)
        count += (int64_t)first * (seen_of(i / PASSES, i % PASSES) + CONSTANTS) + second * first + OUTPUTS * second;
    return count;
}

int64_t bias_count(int first, int second) { return (int64_t)NETWORKS * (first + second + OUTPUTS); }

/* A layer of `outputs` by `inputs`, whose rows lie `stride` apart. */
static void pack_layer(const int16_t *weights, const int32_t *biases, int outputs, int inputs, int stride, int shift,
                       int32_t *to, int pairs, int32_t *biases_to)
{
    for (int o = 0; o < outputs; o++) {
        int32_t *block = to + (ptrdiff_t)(o / BLOCK) * pairs * BLOCK + o % BLOCK;
        biases_to[o] = biases[o] + (1 << (shift - 1));
        for (int i = 0; i < inputs; i++) {
            uint32_t weight = (uint16_t)weights[(ptrdiff_t)o * stride + i];
            uint32_t *pair = (uint32_t *)&block[i / 2 * BLOCK];
            *pair |= i % 2 ? weight << 16 : weight;
        }
    }
}

const char *model_pack(model *packed, int first, int second, const int16_t *weights, const int32_t *biases,
                       const uint16_t *chances)
{
    for (int64_t i = 0, count = weight_count(first, second); i < count; i++)
        if (weights[i] > MOST_WEIGHT || weights[i] < -MOST_WEIGHT)
            return "a weight beyond its limit";
    for (int64_t i = 0, count = bias_count(first, second); i < count; i++)
        if (biases[i] > MOST_BIAS || biases[i] < -MOST_BIAS)
            return "a bias beyond its limit";
    for (int i = 0; i < LOGITS; i++)
        if (!chances[i])
            return "a chance of nothing";
    memset(packed, 0, sizeof *packed);
    packed->first = padded(first);
    packed->second = padded(second);
    memcpy(packed->chances, chances, sizeof packed->chances);
    for (int i = 0; i < LOGITS; i++)
        packed->costs[i] = (float)log2(65536.0 / (65536.0 - chances[i]));
    for (int i = 0; i < NETWORKS; i++) {
        network *n = &packed->networks[i];
        n->seen = seen_of(i / PASSES, i % PASSES);
        n->features = n->seen + CONSTANTS;
        pack_layer(weights, biases, first, n->seen, n->features, FIRST_SHIFT, n->first_weights, (n->seen + 1) / 2,
                   n->first_biases);
        for (int o = 0; o < first; o++)
            memcpy(n->constant_weights[o], weights + (ptrdiff_t)o * n->features + n->seen, sizeof *n->constant_weights);
        weights += (ptrdiff_t)first * n->features;
        biases += first;
        pack_layer(weights, biases, second, first, first, SECOND_SHIFT, n->second_weights, packed->first / 2,
                   n->second_biases);
        weights += (ptrdiff_t)second * first;
        biases += second;
        pack_layer(weights, biases, OUTPUTS, second, second, LAST_SHIFT, n->last_weights, packed->second / 2,
                   n->last_biases);
        weights += (ptrdiff_t)OUTPUTS * second;
        biases += OUTPUTS;
    }
    return NULL;
}
